/** The headline, which is the worst group; each group at its worst place; what was verified; the words about privacy. */
import type { SessionAnswer, SessionReport } from "../../../api/types";
import { ScoreBar, scoreText } from "../../../charts/Comparison";
import { Badge, Banner, Card, Muted, Row, Stack } from "../../../components/controls";
import layout from "../../../components/layout.module.css";
import { t } from "../../../text/catalogue";
import { count, plural, share, visible } from "../../../text/format";
import { ruleText, type PrivacyFacts, type QualityFacts } from "../report";
import { Statements } from "./Privacy";
import styles from "./results.module.css";

const EXAMPLES_COUNT = 12;

interface SummaryProps {
  session: SessionAnswer;
  quality: QualityFacts;
  report: SessionReport;
  privacy: PrivacyFacts | null;
}

export function Summary({ session, quality, report, privacy }: SummaryProps) {
  const { headline } = quality;
  const passed = session.quality?.quality_passed ?? null;
  return (
    <Stack>
      {headline ? (
        <section className={styles.headline} aria-label={t("results.headline")}>
          <div className={styles.big}>
            <strong>{scoreText(headline.score)}</strong>
            <span>
              {t("results.worst", { title: headline.title, place: visible(headline.place) })}
              {passed !== null && (
                <Badge tone={passed ? "ok" : "warn"}>{t(passed ? "results.passed" : "results.notPassed", { threshold: scoreText(session.quality?.threshold) })}</Badge>
              )}
            </span>
          </div>
          <ScoreBar label={t("results.headline")} score={headline.score} ceiling={headline.ceiling_headline} floor={headline.naive_headline} small={t("results.headlineHint")} />
        </section>
      ) : (
        <Banner tone="info" title={t("results.nothingCompared")} />
      )}
      <div className={layout.columns}>
        <Card title={t("results.groups")}>
          {quality.groups.map((group) => (
            <ScoreBar
              key={group.name}
              label={group.title}
              score={group.score}
              ceiling={group.ceiling}
              floor={group.floor}
              small={`${visible(group.place)}${group.judged ? "" : ` (${t("results.fewRows")})`}${group.mean === null ? "" : ` · ${t("results.mean", { score: scoreText(group.mean) })}`}`}
            />
          ))}
        </Card>
        <Stack>
          <Checks report={report} quality={quality} />
          {privacy && (
            <Card title={t("results.privacy")}>
              <Statements privacy={privacy} />
            </Card>
          )}
        </Stack>
      </div>
      {quality.usefulness && <Muted>{t("results.usefulness", { target: visible(`${quality.usefulness.table}.${quality.usefulness.column}`), synthetic: scoreText(quality.usefulness.trained_on_synthetic), real: scoreText(quality.usefulness.trained_on_real) })}</Muted>}
      {quality.notes.length > 0 && (
        <Card title={t("results.notes")}>
          <ul className={styles.list}>
            {quality.notes.map((note) => (
              <li key={note}>{visible(note)}</li>
            ))}
          </ul>
        </Card>
      )}
    </Stack>
  );
}

/** What holds in every row: it was verified on the files that were written. */
function Checks({ report, quality }: { report: SessionReport; quality: QualityFacts }) {
  const broken = quality.rules.filter((rule) => rule.score < 1);
  return (
    <Card title={t("results.checks")}>
      <Row>
        <Badge tone="ok">{t("results.keysHold", { count: plural(report.relations.length, "foreign key") })}</Badge>
        <Badge tone={broken.length > 0 ? "bad" : "ok"}>{t("results.rulesHold", { good: count(Math.max(0, report.rules.length)), all: count(report.rules.length + broken.length) })}</Badge>
      </Row>
      <Muted>{t("results.checksHint")}</Muted>
      {broken.length > 0 && (
        <ul className={styles.list}>
          {broken.map((rule, at) => (
            <li key={at}>{t("results.brokenRule", { table: visible(rule.table), rule: visible(ruleText(rule)), share: share(rule.score) })}</li>
          ))}
        </ul>
      )}
      {report.rules.length > 0 && (
        <details>
          <summary>{t("results.allRules")}</summary>
          <ul className={styles.list}>
            {report.rules.slice(0, EXAMPLES_COUNT * 10).map((rule, at) => (
              <li key={at}>
                {visible(String(rule["table"]))}: <code>{visible(ruleText(rule as never))}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}
