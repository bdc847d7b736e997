"""http_request: to listed hosts only, at the address that was checked, and nothing else sent."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections

from approvals import actions
from approvals.actions import ActionContext, ActionFailed, OutcomeUnknown
from hitl_agents.actions import egress, hosts
from hitl_agents.models import AllowedHost
from hitl_agents.patterns.gated import ApprovalGatedAgent
from ledger.canonical import canonical
from ledger.errors import BadInput
from tests.support.servers import web_server

pytestmark = pytest.mark.django_db
CONTEXT = ActionContext("key-1", 1, 1)
Resolve = Callable[[str, list[str]], None]


def request(method: str, url: str, **more: Any) -> dict[str, Any]:
    declared = actions.get("http_request")
    assert declared is not None
    context = more.pop("context", CONTEXT)
    details = {"method": method, "url": url, **more}
    found: dict[str, Any] = declared.run(declared.validate(details), context)
    canonical(found)  # the journal takes it
    return found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A resolver of our own: name → the answers, one after the other, the last for ever."""
    answers: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host in answers:
            known = answers[host]
            found = known.pop(0) if len(known) > 1 else known[0]
            return [entry for one in found for entry in real(one, port, *args, **kwargs)]
        if any(letter.isalpha() for letter in host.replace("0x", "")) and ":" not in host:
            raise socket.gaierror(socket.EAI_NONAME, "unknown in this test")
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that sockets of this process connect to; only test servers are reached."""
    found: list[str] = []
    real = socket.socket.connect

    def connect(line: socket.socket, address: Any) -> None:
        found.append(address[0])
        if address[0] != "127.0.0.1" or address[1] < 10_000:
            raise OSError(101, "Network is unreachable")
        real(line, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return found


@pytest.fixture
def server(names: dict[str, list[list[str]]]) -> Iterator[web_server.Server]:
    """A server known as api.test, which an administrator has opened although it is internal."""
    AllowedHost.objects.create(host="api.test", allow_private=True)
    names["api.test"] = [["127.0.0.1"]]
    with web_server.running() as found:
        yield found


def at(server: web_server.Server, path: str) -> str:
    return f"http://api.test:{server.server_port}{path}"


# ---- What comes back ------------------------------------------------------------------------


def test_a_request_is_sent_and_the_answer_returned(server: web_server.Server) -> None:
    url = at(server, "/hello?a=1&b=%C3%BC")
    answer = request("POST", url, headers={"X-Ticket": "7"}, body="Grüße")
    assert (answer["status"], answer["body"]) == (200, "Grüße")
    assert (answer["bytes"], answer["left_out"]) == (7, 0)
    assert answer["headers"]["content-type"] == "text/plain"
    ((method, path, headers, body),) = server.seen
    assert (method, path) == ("POST", "/hello?a=1&b=%C3%BC")
    assert body == "Grüße".encode()
    assert headers["host"] == f"api.test:{server.server_port}"
    assert headers["x-ticket"] == "7"
    assert headers["user-agent"] == "hitl"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_something_carries_the_idempotency_key(
    server: web_server.Server, method: str
) -> None:
    request(method, at(server, "/hello"))
    assert server.seen[0][2]["idempotency-key"] == "key-1"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_only_reads_carries_none(server: web_server.Server, method: str) -> None:
    assert request(method, at(server, "/hello"))["status"] == 200
    assert "idempotency-key" not in server.seen[0][2]


def test_a_key_that_fits_no_header_is_sent_as_its_digest(server: web_server.Server) -> None:
    request("POST", at(server, "/hello"), context=ActionContext("run 1\nx: y", 1, 1))
    assert len(server.seen[0][2]["idempotency-key"]) == 64


def test_an_own_user_agent_replaces_ours(server: web_server.Server) -> None:
    request("GET", at(server, "/hello"), headers={"user-agent": "shop"})
    assert server.seen[0][2]["user-agent"] == "shop"


def test_an_error_status_is_an_answer(server: web_server.Server) -> None:
    answer = request("DELETE", at(server, "/missing"))
    assert (answer["status"], answer["body"]) == (404, "no such thing")


def test_a_redirect_is_returned_and_not_followed(
    server: web_server.Server, attempts: list[str]
) -> None:
    answer = request("GET", at(server, "/moved"))
    assert answer["status"] == 302
    assert answer["headers"]["location"].startswith("http://169.254.169.254/")
    assert attempts == ["127.0.0.1"]
    assert len(server.seen) == 1


def test_a_body_in_another_charset_is_read(server: web_server.Server) -> None:
    assert request("GET", at(server, "/latin"))["body"] == "Grüße"


def test_a_body_that_is_no_text_is_left_out_and_counted(server: web_server.Server) -> None:
    answer = request("GET", at(server, "/picture"))
    assert (answer["body"], answer["bytes"], answer["left_out"]) == ("", 0, 11)


def test_a_large_body_is_cut_and_the_answer_says_by_how_much(server: web_server.Server) -> None:
    answer = request("GET", at(server, "/large"))
    assert answer["bytes"] == len(answer["body"]) == egress.BODY
    assert answer["left_out"] == web_server.LARGE - egress.BODY


def test_a_large_body_without_a_length_says_that_more_is_missing(
    server: web_server.Server,
) -> None:
    answer = request("GET", at(server, "/endless"))
    assert (answer["bytes"], answer["left_out"]) == (egress.BODY, None)


def test_a_body_in_chunks_is_put_together(server: web_server.Server) -> None:
    answer = request("GET", at(server, "/chunked"))
    assert (answer["body"], answer["left_out"]) == ("hello world", 0)


def test_repeated_headers_are_joined_and_too_many_are_dropped(server: web_server.Server) -> None:
    assert request("GET", at(server, "/twice"))["headers"]["set-cookie"] == "a=1, b=2"
    assert len(json.dumps(request("GET", at(server, "/many-headers"))["headers"])) < 25_000


# ---- What goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["/hang-up", "/nonsense"])
def test_no_answer_to_a_reading_request_is_a_failure(server: web_server.Server, page: str) -> None:
    with pytest.raises(ActionFailed, match="No answer"):
        request("GET", at(server, page))


@pytest.mark.parametrize("page", ["/hang-up", "/nonsense"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_answer_to_a_changing_request_leaves_the_outcome_unknown(
    server: web_server.Server, method: str, page: str
) -> None:
    with pytest.raises(OutcomeUnknown, match=r"Sent to api\.test"):
        request(method, at(server, page))


def test_an_answer_that_breaks_off_is_a_failure_when_it_was_all_we_wanted(
    server: web_server.Server,
) -> None:
    with pytest.raises(ActionFailed, match="broke off"):
        request("GET", at(server, "/half"))


def test_an_answer_that_breaks_off_still_says_what_became_of_a_change(
    server: web_server.Server,
) -> None:
    answer = request("POST", at(server, "/half"))
    assert (answer["status"], answer["left_out"]) == (200, None)


def test_a_server_that_sends_drop_by_drop_is_cut_off(
    server: web_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "WHOLE", 0.3)
    with pytest.raises(ActionFailed, match="longer than"):
        request("GET", at(server, "/drops"))


def test_silence_is_a_failure(
    names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    AllowedHost.objects.create(host="api.test", allow_private=True)
    names["api.test"] = [["127.0.0.1"]]
    monkeypatch.setattr(egress, "SILENCE", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, pytest.raises(ActionFailed, match="silence"):
        request("GET", f"http://api.test:{listener.getsockname()[1]}/")


def test_nobody_listening_is_a_failure_for_every_method(
    names: dict[str, list[list[str]]],
) -> None:
    AllowedHost.objects.create(host="api.test", allow_private=True)
    names["api.test"] = [["127.0.0.1"]]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for method in ("GET", "POST"):
            with pytest.raises(ActionFailed, match="Nothing was sent"):
                request(method, f"http://api.test:{taken.getsockname()[1]}/")


def test_a_name_that_nobody_knows_is_a_failure(names: dict[str, list[list[str]]]) -> None:
    AllowedHost.objects.create(host="gone.test")
    with pytest.raises(ActionFailed, match="cannot be resolved"):
        request("GET", "http://gone.test/")


def test_a_list_that_cannot_be_read_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**kwargs: Any) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(AllowedHost.objects, "filter", fail)
    with pytest.raises(ActionFailed, match="Nothing was sent"):
        request("POST", "http://api.test/")


@pytest.mark.django_db(transaction=True)
async def test_an_agent_gives_the_connection_back_that_the_list_was_read_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[Any] = []
    real = AllowedHost.objects.filter

    def watched(**wanted: Any) -> Any:
        used.append(connections["default"])
        return real(**wanted)

    monkeypatch.setattr(AllowedHost.objects, "filter", watched)
    agent = ApprovalGatedAgent.__new__(ApprovalGatedAgent)
    with pytest.raises(ActionFailed, match="list of allowed hosts"):
        await agent._do("http_request", {"method": "GET", "url": "http://a.test/"}, CONTEXT)
    (thread_s,) = used
    assert thread_s is not connections["default"]
    assert thread_s.connection is None


# ---- TLS ------------------------------------------------------------------------------------


def test_tls_is_verified_for_the_name_though_the_address_was_resolved_before(
    names: dict[str, list[list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    AllowedHost.objects.create(host="api.test", allow_private=True)
    AllowedHost.objects.create(host="other.test", allow_private=True)
    names |= {"api.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
    tls, trusted = web_server.certificate(tmp_path, "api.test")
    with web_server.running(tls) as server:
        url = f"https://api.test:{server.server_port}/hello"
        with pytest.raises(ActionFailed, match="certificate"):
            request("POST", url)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert request("GET", url)["body"] == "Grüße"
        with pytest.raises(ActionFailed, match="certificate"):
            request("GET", url.replace("api.test", "other.test"))
    assert len(server.seen) == 1


def test_a_default_port_is_not_named_in_the_host_header() -> None:
    for url, port in (("http://a.test/", 80), ("https://a.test/", 443)):
        connection = egress.Connection(egress.target(url), ["127.0.0.1"])
        assert connection.port == connection.default_port == port


# ---- Where nothing may go -------------------------------------------------------------------

FORBIDDEN = [
    # this machine
    "http://127.0.0.1/",
    "http://127.0.0.1:8000/admin/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.0.0.0:5432/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[::7f00:1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::1]/",
    "http://[2001:0:7f00:1::]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://rebound.test/",
    "http://both.test/",
    "http://mapped.test/",
    "http://１２７.0.0.1/",
    # its networks
    "http://10.0.0.1/",
    "http://10.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://0xc0a80101/",
    "http://100.64.0.1/",
    "http://192.0.0.8/",
    "http://198.18.0.1/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fec0::1]/",
    "http://[fe80::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:192.168.0.1]/",
    # clouds' metadata
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://metadata.test/",
    # nobody's and everybody's
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://192.0.2.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
]

UNREADABLE = [
    "",
    "example.org",
    "//example.org/",
    "/etc/passwd",
    "ftp://example.org/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "http:example.org",
    "http:/example.org/",
    "http:///example.org/",
    "http://",
    "http://:80/",
    "http://user@example.org/",
    "http://user:pass@example.org/",
    "http://example.org@127.0.0.1/",
    "http://example.org:80@127.0.0.1/",
    "http://127.0.0.1#@example.org/",
    "http://example.org#/",
    "http://example.org\\@127.0.0.1/",
    "http://127.0.0.1\\.example.org/",
    "http:\\\\example.org/",
    "http://example.org\r\nHost: 127.0.0.1/",
    "http://example.org/ HTTP/1.1\r\nX: y",
    "http://example.org/a b",
    "http://example.org\t/",
    " http://example.org/",
    "http://example.org/\0",
    "http://exa\u200bmple.org/",
    "http://exa\u00admple.org/",
    "http://example.org:99999/",
    "http://example.org:0/",
    "http://example.org:-1/",
    "http://example.org:80:80/",
    "http://example.org:port/",
    "http://[::1",
    "http://::1/",
    "http://[::1]x/",
    "http://[::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.x]/",
    "http://%31%32%37.0.0.1/",
    "http://example.org%2f@127.0.0.1/",
    "http://example.org/ü",
    "http://-example.org/",
    "http://exa mple.org/",
    "http://.../",
    "http://127。0。0。1/",
    "http://ⓛocalhost/",
    "http://a..b/",
    "http://*.example.org/",
    "http://" + "a" * 300 + "/",
    "http://example.org/" + "a" * 4000,
]


@pytest.fixture
def forbidden_names(names: dict[str, list[list[str]]]) -> None:
    names |= {
        "localhost": [["127.0.0.1", "::1"]],
        "rebound.test": [["127.0.0.1"]],
        "both.test": [["93.184.216.34", "10.0.0.1"]],
        "mapped.test": [["::ffff:127.0.0.1"]],
        "metadata.test": [["169.254.169.254"]],
    }


@pytest.mark.usefixtures("forbidden_names")
@pytest.mark.parametrize("url", FORBIDDEN)
def test_nothing_goes_to_a_forbidden_address_even_when_its_name_is_listed(
    attempts: list[str], url: str
) -> None:
    AllowedHost.objects.create(host=egress.target(url).host)
    with pytest.raises(ActionFailed, match=r"not open to agents|cannot be resolved"):
        request("GET", url)
    assert attempts == []


@pytest.mark.usefixtures("forbidden_names")
@pytest.mark.parametrize("url", FORBIDDEN)
def test_what_stays_closed_to_an_internal_host(attempts: list[str], url: str) -> None:
    """allow_private opens loopback and private networks; what else is closed stays so."""
    AllowedHost.objects.create(host=egress.target(url).host, allow_private=True)
    with pytest.raises(ActionFailed):
        request("GET", url)
    for address in map(ipaddress.ip_address, attempts):
        real = getattr(address, "ipv4_mapped", None) or address
        assert not real.is_link_local
        assert not real.is_multicast
        assert not real.is_unspecified
        assert str(real) not in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254")


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_could_be_read_in_two_ways_is_refused_when_asked(
    attempts: list[str], url: str
) -> None:
    with pytest.raises(BadInput) as refused:
        request("GET", url)
    assert refused.value.field in ("url", "details")
    assert attempts == []


def test_enough_forms_are_tried() -> None:
    assert len(FORBIDDEN) >= 60


@pytest.mark.parametrize("listed", ["example.org", "org", "api.test.example.org", "test"])
def test_a_host_that_is_not_listed_is_not_even_resolved(
    names: dict[str, list[list[str]]], attempts: list[str], listed: str
) -> None:
    AllowedHost.objects.create(host=listed)
    names["api.test"] = []  # would raise IndexError
    with pytest.raises(ActionFailed, match="not on the administrators' list"):
        request("GET", "http://api.test/")
    assert attempts == []


def test_a_name_that_changes_its_address_after_the_check_is_not_followed(
    names: dict[str, list[list[str]]], attempts: list[str]
) -> None:
    AllowedHost.objects.create(host="rebinding.test")
    names["rebinding.test"] = [["93.184.216.34"], ["127.0.0.1"]]
    with pytest.raises(ActionFailed, match="unreachable"):
        request("GET", "http://rebinding.test/")
    assert attempts == ["93.184.216.34"]
    assert names["rebinding.test"] == [["127.0.0.1"]]  # resolved once


def test_the_next_address_is_tried_when_the_first_does_not_answer(
    server: web_server.Server, names: dict[str, list[list[str]]], attempts: list[str]
) -> None:
    names["api.test"] = [["10.0.0.1", "127.0.0.1"]]
    assert request("GET", at(server, "/hello"))["status"] == 200
    assert attempts == ["10.0.0.1", "127.0.0.1"]


def test_proxies_of_the_environment_are_ignored(
    server: web_server.Server, attempts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.9.9.9:3128")
    request("GET", at(server, "/hello"))
    assert attempts == ["127.0.0.1"]


def test_a_public_address_is_open() -> None:
    for address in ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"):
        assert hosts.addresses(address, 443, allow_private=False) == [address]


# ---- What may be asked ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", "OPTIONS", "", "GET /x", None])
def test_other_methods_are_refused(method: Any) -> None:
    with pytest.raises(BadInput, match="method"):
        request(method, "http://example.org/")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"host": "evil.test"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "upgrade"},
        {"Idempotency-Key": "mine"},
        {"Proxy-Authorization": "x"},
        {"X-A": "a\r\nX-B: b"},
        {"X-A": "a\nb"},
        {"X-A": "a\0"},
        {"X-A": "ü"},
        {"X A": "a"},
        {"X-A:": "a"},
        {"": "a"},
        {"X-A": "1", "x-a": "2"},
        {"X-A": 1},
        {"X-A": None},
        ["X-A"],
    ],
)
def test_headers_that_could_change_the_request_are_refused(headers: Any) -> None:
    with pytest.raises(BadInput) as refused:
        request("GET", "http://example.org/", headers=headers)
    assert refused.value.field.split(".")[0] in ("headers", "details")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_reading_request_has_no_body(method: str) -> None:
    with pytest.raises(BadInput, match="no body"):
        request(method, "http://example.org/", body="x")


def test_the_preview_names_method_url_and_size() -> None:
    declared = actions.get("http_request")
    assert declared is not None
    details = {"method": "POST", "url": "http://example.org/x", "body": "ü"}
    assert declared.preview_line(details) == "POST http://example.org/x, 2 bytes"


# ---- The list -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("API.Example.ORG", "api.example.org"),
        ("example.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[2606:4700:4700:0::1111]", "2606:4700:4700::1111"),
        ("93.184.216.34", "93.184.216.34"),
    ],
)
def test_a_listed_host_is_stored_in_its_one_form(typed: str, stored: str) -> None:
    row = AllowedHost.objects.create(host=typed)
    assert str(row) == stored
    with pytest.raises(ValidationError):
        AllowedHost(host=typed).full_clean()  # is listed already


@pytest.mark.parametrize(
    "typed", ["", "http://example.org", "example.org:80", "example.org/x", "*.example.org", "a b"]
)
def test_what_is_no_host_cannot_be_listed(typed: str) -> None:
    with pytest.raises(ValidationError):
        AllowedHost(host=typed).full_clean()
