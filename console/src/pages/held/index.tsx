/** What waits for a decision: held syncs and held plans. */
import { Link } from "wouter";
import { useApi } from "../../api/queries";
import type { HeldItem } from "../../api/types";
import { Answer } from "../../components/Answer";
import { Page } from "../../components/Page";
import { ButtonLink, Empty, SmallTable, type Column } from "../../components/controls";
import { t } from "../../text/catalogue";
import { changeLabel } from "../../text/changes";
import { ago, count, moment, visible } from "../../text/format";

export function heldAddress(one: { kind: string; name: string }): string {
  return one.kind === "plan" ? `/held/plans/${one.name}` : `/held/${one.name}`;
}

const COLUMNS: readonly Column<HeldItem>[] = [
  {
    id: "what",
    header: t("held.what"),
    cell: (one) => <Link href={heldAddress(one)}>{t(one.kind === "plan" ? "held.plan" : "held.sync", { name: visible(one.title) })}</Link>,
  },
  { id: "reason", header: t("held.reason"), cell: (one) => visible(one.reason) },
  { id: "would", header: t("held.would"), cell: (one) => Object.entries(one.counts).map(([kind, number]) => `${count(number)} ${changeLabel(kind)}`).join(", ") },
  { id: "since", header: t("held.since"), cell: (one) => <span title={moment(one.since)}>{ago(one.since)}</span> },
  { id: "look", header: t("held.look"), cell: (one) => <ButtonLink to={heldAddress(one)}>{t("held.look")}<span className="visually-hidden"> {visible(one.title)}</span></ButtonLink> },
];

export default function HeldPage() {
  const query = useApi("GET /api/held", {}, { everySeconds: 10 });
  return (
    <Page title={t("held.title")} asOf={query.dataUpdatedAt} isRefreshing={query.isFetching} lead={t("held.about")}>
      <Answer query={query} empty={(found) => (found.items.length === 0 ? <Empty title={t("held.empty")} hint={t("held.emptyHint")} /> : null)}>
        {(found) => <SmallTable label={t("held.title")} columns={COLUMNS} rows={found.items} keyOf={(one) => `${one.kind} ${one.name}`} />}
      </Answer>
    </Page>
  );
}
