"""Where an item's files are asked for: paths below this server's own address."""


def image_url(item_id: str) -> str:
    return f"/v1/images/{item_id}/file"


def thumbnail_url(item_id: str) -> str:
    return f"/v1/images/{item_id}/thumbnail"
