from collections.abc import Sequence

import pytest

from index.sourcing.addresses import Guard, RefusedAddressError, is_public, parse_location


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "100.63.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "2001:4860:4860::8888",
        "2606:4700::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_addresses_that_anybody_may_reach_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",  # a cloud's metadata
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",  # a cloud's own
        "169.254.169.254",  # most clouds' metadata
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",  # IPv4-compatible, long deprecated
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::8.8.8.8",  # of a network's own NAT64
        "100::1",
        "2001::8.8.8.8",  # Teredo
        "2001:db8::1",
        "2002:808:808::1",  # 6to4
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # a cloud's metadata
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
        "",
    ],
)
def test_addresses_of_networks_and_machines_are_not(address: str) -> None:
    assert not is_public(address)


class Names:
    """A name service of ours, which counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0)


def test_a_host_is_asked_for_once_and_its_addresses_are_given_as_they_are() -> None:
    names = Names(["8.8.8.8", "2606:4700::1"], ["127.0.0.1"])
    location = parse_location("https://example.com/a.jpg")
    assert list(Guard(resolve=names).addresses(location)) == ["8.8.8.8", "2606:4700::1"]
    assert names.asked == [("example.com", 443)]


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]])
def test_a_host_is_refused_by_any_of_its_addresses_unless_it_is_allowed_by_name(
    found: list[str],
) -> None:
    location = parse_location("http://Inside.example./a.jpg")
    with pytest.raises(RefusedAddressError, match=r"inside\.example\.: is at .*, which is not pub"):
        Guard(frozenset({"example"}), Names(found)).addresses(location)
    assert Guard(frozenset({"inside.example"}), Names(found)).addresses(location) == found


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(RefusedAddressError, match="has no address"):
        Guard(resolve=Names([])).addresses(parse_location("http://example.com/"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "localhost", "0"]
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises((RefusedAddressError, OSError)):
        Guard().addresses(parse_location(f"http://{host}/"))


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("http://example.com", "http://example.com/"),
        (" HTTPS://EXAMPLE.com:443/A b?q=é#part ", "https://example.com/A%20b?q=%C3%A9"),
        ("http://example.com:8080/%41", "http://example.com:8080/%41"),
        ("http://[2606:4700::1]:81/", "http://[2606:4700::1]:81/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://example.com/a\r\nHost: other", "http://example.com/aHost:%20other"),
    ],
)
def test_an_address_is_written_as_it_is_asked_for(url: str, written: str) -> None:
    assert str(parse_location(url)) == written


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.jpg",
        "//example.com/a.jpg",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "gopher://example.com/",
        "data:image/png;base64,AAAA",
        "http://",
        "http:///a.jpg",
        "http://user:password@example.com/",
        "http://example.com@127.0.0.1/",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://[::1/",
        "http://a..é/",
        "http://ex\0ample.com/",
        "http://example.com/" + "x" * 8_000,
    ],
)
def test_what_is_no_address_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddressError):
        parse_location(url)
