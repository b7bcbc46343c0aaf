/** What is around every page: navigation, search, theme, session, keys, toasts. */
import { useCallback, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { Toasts } from "../components/toast";
import { Badge, Button, Facts, SelectField } from "../components/controls";
import { PAGES } from "../pages/registry";
import { t } from "../text/catalogue";
import { count } from "../text/format";
import { client } from "../api/queries";
import { useKeys } from "./keys";
import { useLive } from "./live";
import { useNeeds } from "./needs";
import { chooseTheme, keysAreOff, switchKeys, theme, type Theme } from "./preferences";
import { useSession, useSigning } from "./session";
import styles from "./Shell.module.css";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", t("theme.system")],
  ["light", t("theme.light")],
  ["dark", t("theme.dark")],
];

export function Shell({ children }: { children: ReactNode }) {
  const [, navigate] = useLocation();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [open, setOpen] = useState<"keys" | "account" | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const main = useRef<HTMLElement>(null);
  useKeys({
    onSearch: useCallback(() => search.current?.focus(), []),
    onHelp: useCallback(() => {
      setOpen("keys");
    }, []),
  });
  const session = useSession();
  useLive(client, true);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const q = search.current?.value.trim() ?? "";
    navigate(q ? `/files?q=${encodeURIComponent(q)}` : "/files");
    if (search.current) search.current.value = "";
  };
  return (
    <div className={styles.shell}>
      <a
        className={styles.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("app.skip")}
      </a>
      <header className={styles.top}>
        <Button
          look="quiet"
          icon="menu"
          name={t("app.menu")}
          className={styles.burger}
          aria-expanded={isMenuOpen}
          aria-controls="nav"
          onClick={() => {
            setMenuOpen(!isMenuOpen);
          }}
        />
        <Link href="/" className={styles.brand}>
          <Icon name="database" size={18} /> {t("app.name")}
        </Link>
        <form role="search" onSubmit={submit} className={styles.search}>
          <Icon name="search" />
          <input ref={search} type="search" aria-label={t("app.search")} placeholder={t("app.search")} title={t("app.searchHint")} autoComplete="off" spellCheck={false} />
        </form>
        {session.dagster_url?.startsWith("http") && (
          <a className={styles.dagster} href={session.dagster_url} target="_blank" rel="noopener noreferrer" title={t("app.openDagsterHint")}>
            {t("app.openDagster")} <Icon name="external" size={14} />
          </a>
        )}
        <Button
          look="quiet"
          icon="person"
          name={session.signed_in ? t("signIn.as", { role: t(`role.${session.role ?? "viewer"}`) }) : t("signIn.nobody")}
          onClick={() => {
            setOpen("account");
          }}
        />
      </header>
      <Navigation
        isOpen={isMenuOpen}
        onGo={() => {
          setMenuOpen(false);
        }}
      />
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
      <Toasts />
      {open === "keys" && <KeyList onClose={() => { setOpen(null); }} />}
      {open === "account" && <Account onClose={() => { setOpen(null); }} />}
    </div>
  );
}

function Navigation({ isOpen, onGo }: { isOpen: boolean; onGo: () => void }) {
  const [location] = useLocation();
  const needs = useNeeds();
  return (
    <nav id="nav" aria-label={t("app.nav")} className={[styles.nav, isOpen ? styles.open : ""].join(" ")}>
      <ul>
        {PAGES.flatMap(({ path, nav }) => (nav ? [{ path, nav }] : [])).map(({ path, nav }) => {
          const number = nav.counts ? needs[nav.counts] : 0;
          const isHere = path === "/" ? location === "/" : location === path || location.startsWith(`${path}/`);
          return (
            <li key={path}>
              <Link href={path} aria-current={isHere ? "page" : undefined} onClick={onGo}>
                <Icon name={nav.icon} /> {t(nav.label)}
                {number > 0 && (
                  <span className={styles.count}>
                    {count(number)}
                    <span className="visually-hidden"> {t("app.needYou")}</span>
                  </span>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function KeyList({ onClose }: { onClose: () => void }) {
  const [isOff, setOff] = useState(keysAreOff());
  const pages = PAGES.flatMap(({ nav }) => (nav ? [nav] : []));
  return (
    <Dialog
      title={t("keys.title")}
      onClose={onClose}
      buttons={
        <Button
          onClick={() => {
            switchKeys(!isOff);
            setOff(!isOff);
          }}
        >
          {isOff ? t("app.keysOn") : t("app.keysOff")}
        </Button>
      }
    >
      <Facts
        facts={[
          ["/", t("keys.search")],
          ...pages.map((nav) => [`g ${nav.key}`, t("keys.go", { page: t(nav.label) })] as const),
          ["j, k, ↓, ↑", t("keys.rows")],
          ["Enter", t("keys.open")],
          ["a", t("keys.approve")],
          ["?", t("keys.help")],
        ]}
      />
    </Dialog>
  );
}

function Account({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const { signOut } = useSigning();
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <Dialog title={session.signed_in ? t("signIn.as", { role: t(`role.${session.role ?? "viewer"}`) }) : t("signIn.nobody")} onClose={onClose}>
      {!session.may_decide && (
        <p>
          <Badge tone="info">{t("app.readOnly")}</Badge> {t("app.readOnlyHint")}
        </p>
      )}
      <SelectField
        label={t("theme.title")}
        value={chosen}
        options={THEMES}
        onPick={(value) => {
          chooseTheme(value as Theme);
          setChosen(value as Theme);
        }}
      />
      {session.signed_in && (
        <div className={styles.signing}>
          <Button onClick={() => void signOut(false)}>{t("signIn.out")}</Button>
          {session.role === "admin" && <Button onClick={() => void signOut(true)}>{t("signIn.outEverywhere")}</Button>}
        </div>
      )}
      <p className={styles.version}>filesync {session.version} · Apache-2.0</p>
    </Dialog>
  );
}
