/** Kinds of sources as cards; a card opens a sheet with its form. */
import type { ConnectorOut } from "../../../api/types";
import { useSession } from "../../../app/session";
import { Icon, isIcon } from "../../../components/Icon";
import { Badge, Button } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import data from "../data.module.css";
import styles from "./sources.module.css";

export function Connectors({ connectors, onOpen }: { connectors: readonly ConnectorOut[]; onOpen: (type: string) => void }) {
  const { may_decide: mayDecide } = useSession();
  return (
    <div className={data.cards}>
      {connectors.map((one) => (
        <article key={one.type} className={styles.connector}>
          <header>
            <Icon name={isIcon(one.icon) ? one.icon : "database"} size={20} />
            <h3>{one.name}</h3>
          </header>
          <p>{one.description}</p>
          {!one.installed && <code>{one.install_hint}</code>}
          <footer>
            <Button disabled={!mayDecide || !one.installed} aria-label={t("connectors.open", { name: one.name })} onClick={() => { onOpen(one.type); }}>
              {t("connectors.connect")}
            </Button>
            {one.installed ? <Badge tone={one.tested === "server" ? "ok" : "plain"}>{t(one.tested === "server" ? "connectors.server" : "connectors.contract")}</Badge> : <Badge tone="warn">{t("connectors.notInstalled")}</Badge>}
          </footer>
        </article>
      ))}
    </div>
  );
}
