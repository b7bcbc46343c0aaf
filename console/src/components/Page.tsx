/** A page: its title is its only h1, gets the focus when somebody comes here, and says as of when it is. */
import { useEffect, useRef, type ReactNode } from "react";
import { useNeeds } from "../app/needs";
import { t } from "../text/catalogue";
import { ago, clockTime } from "../text/format";
import styles from "./Page.module.css";

interface PageProps {
  title: string;
  /** Beside the title: buttons. */
  actions?: ReactNode;
  /** The moment of what is shown, in milliseconds; 0 while nothing is. */
  asOf?: number;
  isRefreshing?: boolean;
  lead?: ReactNode;
  children: ReactNode;
}

let visits = 0;

export function Page({ title, actions, asOf, isRefreshing = false, lead, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { total } = useNeeds();
  useEffect(() => {
    // In a row of tabs, what is wrong is seen without looking.
    document.title = `${total > 0 ? `(${total}) ` : ""}${title} · filesync`;
  }, [title, total]);
  useEffect(() => {
    visits += 1;
    // The first page is announced by the browser itself.
    if (visits > 1) heading.current?.focus();
  }, []);
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div className={styles.titles}>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {asOf !== undefined && asOf > 0 && (
            <span className={styles.moment} title={ago(asOf)}>
              {isRefreshing ? t("app.refreshing") : t("app.asOf", { time: clockTime(asOf) })}
            </span>
          )}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {lead && <div className={styles.lead}>{lead}</div>}
      {children}
    </div>
  );
}
