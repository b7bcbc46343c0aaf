/** What may be said about privacy, and no more: the sentences come from the server, which measured them. */
import { Badge, Banner, Card, Empty, Muted, SmallTable, Stack } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { share, visible } from "../../../text/format";
import type { PrivacyFacts, TablePrivacyFacts } from "../report";
import styles from "./results.module.css";

export function Statements({ privacy }: { privacy: PrivacyFacts }) {
  const tone = privacy.remembers || privacy.copies_rows ? "warn" : "info";
  return (
    <Banner tone={tone} title={t("results.privacyTitle")}>
      {privacy.statements.map((one) => (
        <span key={one} className={styles.statement}>
          {visible(one)}
        </span>
      ))}
    </Banner>
  );
}

function interval(found: TablePrivacyFacts["nearer_to_training"]): string {
  return found ? `${share(found.value)} (${share(found.low)} – ${share(found.high)})` : t("app.unknown");
}

export function Privacy({ privacy }: { privacy: PrivacyFacts | null }) {
  if (!privacy) return <Empty title={t("results.noPrivacy")} hint={t("results.noPrivacyHint")} />;
  return (
    <Stack>
      <Statements privacy={privacy} />
      {privacy.tables.length > 0 && (
        <SmallTable
          label={t("results.privacy")}
          columns={[
            { id: "name", header: t("results.table"), cell: (one) => visible(one.name) },
            { id: "exact", header: t("results.exactRows"), isNumber: true, cell: (one) => `${share(one.exact_rows.synthetic)} / ${share(one.exact_rows.holdout)}` },
            { id: "near", header: t("results.nearer"), isNumber: true, cell: (one) => interval(one.nearer_to_training) },
            { id: "members", header: t("results.membership"), isNumber: true, cell: (one) => one.membership_auc.toFixed(2) },
            { id: "judged", header: t("results.verdict"), cell: (one) => <Badge tone={one.remembers || one.copies_rows ? "warn" : "plain"}>{t(one.remembers ? "results.remembers" : one.copies_rows ? "results.copies" : "results.nothingFound")}</Badge> },
            { id: "real", header: t("results.realValues"), cell: (one) => one.real_values.map(visible).join(", ") || "–" },
          ]}
          rows={privacy.tables}
          keyOf={(one) => one.name}
        />
      )}
      <Card title={t("results.howToRead")}>
        <ul className={styles.list}>
          <li>{t("results.exactRowsHint")}</li>
          <li>{t("results.nearerHint")}</li>
          <li>{t("results.membershipHint")}</li>
        </ul>
      </Card>
      {privacy.not_measured.length > 0 && <Muted>{t("results.notMeasured", { tables: privacy.not_measured.map(visible).join(", ") })}</Muted>}
      {privacy.notes.map((note) => (
        <Muted key={note}>{visible(note)}</Muted>
      ))}
    </Stack>
  );
}
