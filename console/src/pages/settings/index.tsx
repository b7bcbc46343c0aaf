/** What a person chooses for this browser, who is signed in, and what runs here. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { SignedIn, SignInLink } from "../../api/types";
import { chooseDensity, chooseTheme, chooseZone, density, keysAreOff, switchKeys, theme, timeZone, type Density, type Theme, type Zone } from "../../app/preferences";
import { useSession, useSigning } from "../../app/session";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Dialog";
import { Page } from "../../components/Page";
import { copy } from "../../components/clipboard";
import { Badge, Button, Card, CheckField, Facts, Muted, Row, SelectField, SmallTable, Stack, type Column } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { toast } from "../../components/toast";
import { t } from "../../text/catalogue";
import { ago, clockTime, moment, visible } from "../../text/format";

type Role = "viewer" | "operator" | "admin";

export default function SettingsPage() {
  const session = useSession();
  return (
    <Page title={t("settings.title")}>
      <Stack>
        <div className={layout.columns}>
          <Look />
          <About />
        </div>
        {session.role === "admin" ? (
          <>
            <Sessions />
            <Invite />
          </>
        ) : (
          <Card title={t("settings.signedIn")}>
            <Muted>{session.signed_in ? t("settings.onlyAdmin") : t("app.readOnlyHint")}</Muted>
          </Card>
        )}
      </Stack>
    </Page>
  );
}

function Look() {
  const [chosen, setChosen] = useState({ theme: theme(), density: density(), zone: timeZone(), keys: !keysAreOff() });
  const queries = useQueryClient();
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Card title={t("settings.look")}>
      <Stack>
        <SelectField
          label={t("theme.title")}
          value={chosen.theme}
          options={[["system", t("theme.system")], ["light", t("theme.light")], ["dark", t("theme.dark")]]}
          onPick={(value) => {
            chooseTheme(value as Theme);
            setChosen({ ...chosen, theme: value as Theme });
          }}
        />
        <SelectField
          label={t("settings.density")}
          value={chosen.density}
          options={[["comfortable", t("settings.comfortable")], ["compact", t("settings.compact")]]}
          onPick={(value) => {
            chooseDensity(value as Density);
            setChosen({ ...chosen, density: value as Density });
          }}
        />
        <SelectField
          label={t("settings.zone")}
          value={chosen.zone}
          options={[["system", t("settings.zoneSystem", { zone: local })], ["UTC", t("settings.zoneUtc")]]}
          onPick={(value) => {
            chooseZone(value as Zone);
            setChosen({ ...chosen, zone: value as Zone });
            void queries.invalidateQueries();
          }}
        />
        <CheckField
          label={t("settings.keys")}
          checked={chosen.keys}
          onChange={(event) => {
            switchKeys(!event.target.checked);
            setChosen({ ...chosen, keys: event.target.checked });
          }}
        />
        <Muted>{t("settings.keysHint")}</Muted>
        <Muted>{t("settings.lookHint")}</Muted>
      </Stack>
    </Card>
  );
}

function About() {
  const query = useApi("GET /api/about");
  return (
    <Card title={t("settings.about")}>
      <Answer query={query} lines={4}>
        {(found) => (
          <Facts
            facts={[
              [t("settings.version"), found.version],
              [t("settings.python"), found.python],
              [t("settings.database"), found.database === "sqlite" ? "SQLite" : "PostgreSQL"],
              [t("settings.days"), found.time_zone],
              [t("settings.licence"), "Apache-2.0"],
              ["", <a href={new URL("assets/licences.txt", document.baseURI).href} target="_blank" rel="noopener noreferrer">{t("settings.licences")}</a>],
            ]}
          />
        )}
      </Answer>
    </Card>
  );
}

function Sessions() {
  const query = useApi("GET /console/sessions", {}, { everySeconds: 60 });
  const queries = useQueryClient();
  const { signOut } = useSigning();
  const [ending, setEnding] = useState<SignedIn | null>(null);
  const columns: readonly Column<SignedIn>[] = [
    { id: "agent", header: t("settings.browser"), cell: (one) => <>{visible(one.user_agent) || t("app.unknown")} {one.is_this && <Badge tone="info">{t("settings.this")}</Badge>}</> },
    { id: "role", header: t("settings.role"), cell: (one) => t(`role.${one.role}`) },
    { id: "since", header: t("settings.since"), cell: (one) => <span title={ago(one.created_at)}>{moment(one.created_at)}</span> },
    { id: "used", header: t("settings.used"), cell: (one) => <span title={moment(one.used_at)}>{ago(one.used_at)}</span> },
    { id: "end", header: t("settings.end"), cell: (one) => <Button onClick={() => { setEnding(one); }}>{t("settings.end")}<span className="visually-hidden"> {visible(one.user_agent)}</span></Button> },
  ];
  const end = async (one: SignedIn) => {
    await call("DELETE /console/sessions/{session_id}", { path: { session_id: one.id } });
    if (one.is_this) window.location.assign(document.baseURI);
    toast(t("settings.ended"));
    await queries.invalidateQueries({ queryKey: ["GET /console/sessions"] });
  };
  return (
    <Card title={t("settings.signedIn")}>
      <Stack>
        <Answer query={query}>{(found) => <SmallTable label={t("settings.signedIn")} columns={columns} rows={found.items} keyOf={(one) => one.id} />}</Answer>
        <Row>
          <Button onClick={() => void signOut(true)}>{t("signIn.outEverywhere")}</Button>
        </Row>
        <Muted>{t("settings.signedInHint")}</Muted>
      </Stack>
      {ending && (
        <Confirm title={t("settings.endTitle")} action={t("settings.end")} onConfirm={() => end(ending)} onClose={() => { setEnding(null); }}>
          <p>{t("settings.endSays", { agent: visible(ending.user_agent), role: t(`role.${ending.role}`), time: moment(ending.created_at) })}</p>
        </Confirm>
      )}
    </Card>
  );
}

function Invite() {
  const [role, setRole] = useState<Role>("viewer");
  const [made, setMade] = useState<SignInLink | null>(null);
  const address = made ? new URL(`enter?code=${encodeURIComponent(made.code)}`, document.baseURI).href : "";
  const make = async () => {
    try {
      setMade(await call("POST /console/links", { body: { role } }));
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Card title={t("settings.invite")}>
      <Stack>
        <Muted>{t("settings.inviteHint")}</Muted>
        <div className={layout.filters}>
          <SelectField label={t("settings.role")} value={role} options={(["viewer", "operator", "admin"] as const).map((one) => [one, t(`role.${one}`)] as const)} onPick={(value) => { setRole(value as Role); }} />
          <Button onClick={() => void make()}>{t("settings.inviteDo")}</Button>
        </div>
        <div role="status">
          {made && (
            <Stack>
              <p>{t("settings.inviteMade", { role: t(`role.${made.role}`), time: clockTime(made.expires_at) })}</p>
              <Row>
                <Button icon="copy" onClick={() => void copy(address)}>{t("settings.inviteCopy")}</Button>
              </Row>
            </Stack>
          )}
        </div>
      </Stack>
    </Card>
  );
}
