"""The bytes of whatever picture a request names: kept, sent, on the web, or of the collection.

Raises what its giver raises: HandleGoneError, FetchingOffError and its like, GoneError.
"""

from service.library import Library
from service.pictures.kept_pictures import KeptPictures
from service.pictures.web import WebPictures
from service.schemas.pictures import ImageReference


class Pictures:
    def __init__(self, library: Library, web: WebPictures, kept: KeptPictures) -> None:
        self._library = library
        self._web = web
        self._kept = kept

    async def data(self, image: ImageReference) -> bytes:
        if image.id is not None:
            return await self._library.original(image.id)
        if image.url is not None:
            return await self._web.fetch(image.url)
        if image.handle is not None:
            return (await self._kept.get(image.handle)).data
        return image.base64 or b""
