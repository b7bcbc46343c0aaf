/** A page about tables and synthetic data: its tabs, in the order in which one goes through them. */
import type { ComponentProps } from "react";
import { Link } from "wouter";
import { useSession } from "../../app/session";
import { Page } from "../../components/Page";
import { Muted } from "../../components/controls";
import { t } from "../../text/catalogue";
import { TABS, useTabAddress, type Tab } from "./wizard";
import styles from "./data.module.css";

export function DataPage({ tab, children, ...page }: { tab: Tab } & ComponentProps<typeof Page>) {
  const addressOf = useTabAddress();
  const { may_decide: mayDecide } = useSession();
  return (
    <Page {...page}>
      <nav aria-label={t("data.tabs")} className={styles.tabs}>
        <ul>
          {TABS.map((one) => (
            <li key={one} className={one === "sessions" ? styles.apart : ""}>
              <Link href={addressOf(one)} aria-current={one === tab ? "page" : undefined}>
                {t(`data.${one}`)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {!mayDecide && <Muted>{t("data.notAllowed")}</Muted>}
      {children}
    </Page>
  );
}
