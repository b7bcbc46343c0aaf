"""The simulator: Microsoft's tokens and refusals, and its ways to name sites, drives and items."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import ANY_CALL, Route, VendorService
from filesync_dagster.simulators.kit.tokens import bearer_token, parse_assertion, random_token, rsa_key
from filesync_dagster.simulators.kit.wire import Answer, Request
from filesync_dagster.simulators.microsoft.items import guid_of
from filesync_dagster.simulators.microsoft.operations import API, DOWNLOAD, DOWNLOAD_PATH, OPERATIONS
from filesync_dagster.simulators.microsoft.refusals import FAULTS, JSON, GraphRefusal, OauthRefusal, refusal_of, word
from filesync_dagster.simulators.microsoft.store import ACCOUNT, ACTIONS, HOST, GraphStore

TENANT = guid_of("tenant contoso")
TOKENS = re.compile(r"/[^/]+/oauth2/v2\.0/token")
CLOCK = "AADSTS700024: Client assertion is not within its valid time range."
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SITE_BY_PATH = re.compile(rf"{API}/sites/([^/:,]+)(?::/(.*?))?(?::?(/drives?\b.*))?")
USER = re.compile(rf"{API}/users/([^/]+)/drive(.*)")
DRIVE_OF_SITE = re.compile(rf"{API}/sites/[^/]+(/drives/.+)")
SITE_DRIVE = re.compile(rf"{API}/sites/([^/]+)/drive(/.*)?")
ITEM_BY_PATH = re.compile(rf"{API}/drives/([^/]+)/(?:root|items/([^/:]+)):/(.*?)(?::(/.*)?)?")
ROOT = re.compile(rf"({API}/drives/[^/]+)/root(/.*)?")


class MicrosoftSimulator(VendorService[GraphStore]):
    """Graph as one application sees it, with the permissions Sites.Read.All and Files.Read.All."""

    routes = OPERATIONS
    actions = ACTIONS
    token_path = f"/{TENANT}/oauth2/v2.0/token"
    token_faults = ANY_CALL | {Fault.DENY}
    client_id = guid_of("application")

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, now: Callable[[], float] | None = None) -> None:
        super().__init__(GraphStore(seed, ACCOUNT), plan or FaultPlan(seed=seed), now or time.time)
        unknown = {rule.fault for rule in self.plan.rules} - FAULTS
        if unknown:
            raise ValueError(f"Microsoft Graph cannot do {', '.join(sorted(unknown))}.")

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        secret = {"client_id": self.client_id, "client_secret": self.client_secret}
        return {"base_url": base_url, "authority_url": base_url, "tenant_id": TENANT, **secret}

    def endpoints(self, base_url: str) -> list[dict[str, Any]]:
        """Return endpoints that list this simulator: a site, and the OneDrive of a person."""
        known = self.credentials(base_url)
        site = self.store.sites[self.store.site_id]
        return [
            {"type": "sharepoint", "endpoint_details": {**known, "site_url": f"https://{HOST}/{site.path}"}},
            {"type": "onedrive", "endpoint_details": {**known, "user": self.store.account}},
        ]

    def certificate(self, password: bytes | None = None) -> bytes:
        """Return the certificate of the application with its key: PEM, or with a password PKCS #12."""
        from filesync_dagster.simulators.microsoft.certificate import issue_certificate

        return issue_certificate(rsa_key(self.client_id), password)

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Graph sends it."""
        return word(refusal, guid_of(random_token("", 8)), utc_text(self.store.clock.now, 0))

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        return self.word_refusal(refusal_of(rule, status))

    def throttle(self, seconds: float) -> Answer:
        """Return the answer to a call too many."""
        refusal = GraphRefusal(429, "activityLimitReached", "Too many requests.", {"retry-after": str(round(seconds))})
        return self.word_refusal(refusal)

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return GraphRefusal(403, rule.reason or "accessDenied", "Access denied")

    def unknown(self, request: Request) -> Answer:
        """Answer a request that is for no operation."""
        if TOKENS.fullmatch(request.path):
            text = "AADSTS90002: Tenant not found. Check to make sure you have the correct tenant ID."
            return self.word_refusal(OauthRefusal(400, "invalid_request", text))
        text = f"The simulator does not know {request.method} {request.path}."
        return self.word_refusal(GraphRefusal(404, "itemNotFound", text))

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token: an application proves itself by its secret or a certificate."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if faults.rule(Fault.DENY):
            raise OauthRefusal(401, "invalid_client", "AADSTS7000222: The provided client secret keys are expired.")
        if form.get("client_id") != self.client_id:
            text = f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found."
            raise OauthRefusal(400, "unauthorized_client", text)
        if form.get("client_assertion_type") == BEARER:
            self._require_signed(request, form.get("client_assertion", ""))
        elif form.get("client_secret") != self.client_secret:
            raise OauthRefusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if not form.get("scope", "").endswith("/.default"):
            raise OauthRefusal(400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.")
        return Answer(200, orjson.dumps(self.issuer.mint(random_token("eyJ0.", 24, 8), form["scope"])), JSON)

    def authorize(self, route: Route, request: Request) -> Any:
        """Return what the token of a request allows; an address of a content needs none. Raises Refusal."""
        if route.name == DOWNLOAD:
            return None
        grant = self.issuer.grant_of(bearer_token(request))
        if grant is None:
            raise GraphRefusal(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        return grant

    def expire_token(self, request: Request) -> None:
        """Let the token of a request, or the address that stands for one, be good no longer."""
        if request.path.startswith(DOWNLOAD_PATH):
            self.store.links.pop(request.path.removeprefix(DOWNLOAD_PATH), None)
        else:
            super().expire_token(request)

    def mutate(self) -> None:
        """Let somebody do something, at random."""
        self.store.mutate(self.plan.random)

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for, however it names site, drive and item, and their ids."""
        with self.store.lock:
            path, name = self._by_ids(request)
        for route in self.routes:
            ids = route.ids(replace(request, path=path))
            if ids is not None:
                able = frozenset(route.faults) | _faults_of_token(request)
                return replace(route, faults=able), ({**ids, "name": name} if name else ids)
        return None

    def _by_ids(self, request: Request) -> tuple[str, str]:
        """Return the path of a request with ids in it alone, and the name of a file that is still to be made."""
        path, store = request.path.rstrip("/"), self.store
        by_path = SITE_BY_PATH.fullmatch(path)
        if by_path and by_path[1] == HOST:
            wanted = (by_path[2] or "").strip("/").lower()
            known = (site.id for site in store.sites.values() if site.path.lower() == wanted)
            path = f"{API}/sites/{next(known, 'unknown')}{by_path[3] or ''}"
        user = USER.fullmatch(path)
        if user:
            path = f"{API}/drives/{store.people.get(user[1], 'unknown')}{user[2]}"
        in_site = DRIVE_OF_SITE.fullmatch(path)
        if in_site:
            path = f"{API}{in_site[1]}"
        of_site = SITE_DRIVE.fullmatch(path)
        if of_site and of_site[1] in store.sites:
            path = f"{API}/drives/{next(iter(store.sites[of_site[1]].drives), 'unknown')}{of_site[2] or ''}"
        path, name = self._item_by_id(path, makes=request.method == "PUT")
        root = ROOT.fullmatch(path)
        if root:
            drive = store.drives.get(root[1].rpartition("/")[2])
            path = f"{root[1]}/items/{drive.root.id if drive else 'unknown'}{root[2] or ''}"
        return path, name

    def _item_by_id(self, path: str, *, makes: bool) -> tuple[str, str]:
        """Return a path that names an item by its path with its id instead; or the id of the folder, and a new name."""
        match = ITEM_BY_PATH.fullmatch(path)
        drive = self.store.drives.get(match[1]) if match else None
        if match is None or drive is None:
            return path, ""
        top = drive.root if match[2] is None else self.store.entries.get(match[2], drive.root)
        below = f"{top.path()}/{match[3]}".strip("/")
        found = self.store.item_at(drive, below)
        folder, name = drive.root, ""
        if found is None and makes:
            above, _, name = below.rpartition("/")
            folder = (self.store.item_at(drive, above) if above else drive.root) or folder
        item_id = found.id if found else folder.id if name else "unknown"
        return f"{API}/drives/{match[1]}/items/{item_id}{(match[4] or '').rstrip('/')}", name

    def _require_signed(self, request: Request, assertion: str) -> None:
        try:
            header, claims = parse_assertion(assertion, rsa_key(self.client_id))
        except (ValueError, TypeError, KeyError) as error:
            raise OauthRefusal(401, "invalid_client", "AADSTS700027: The certificate is not registered.") from error
        audience = f"://{request.headers.get('host')}{self.token_path}"
        known = "x5t" in header or "x5t#S256" in header
        if not known or not claims.get("iss") == claims.get("sub") == self.client_id:
            raise OauthRefusal(401, "invalid_client", "AADSTS700027: The certificate is not registered.")
        if not str(claims.get("aud")).endswith(audience):
            raise OauthRefusal(401, "invalid_client", "AADSTS50013: Assertion audience is not valid.")
        if not claims.get("nbf", 0) <= self.now() < claims.get("exp", 0):
            raise OauthRefusal(401, "invalid_client", CLOCK)


def _faults_of_token(request: Request) -> set[Fault]:
    """Return what can happen to a call because of the token of a page or of a delta that it has."""
    token = request.parameter("token")
    if request.parameter("$skiptoken") or token.startswith("all."):
        return {Fault.EXPIRE_PAGE}
    return {Fault.LOSE_CURSOR} if token.startswith("feed.") else set()
