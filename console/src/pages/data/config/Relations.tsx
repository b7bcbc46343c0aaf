/** Relations as a list: what is used, and what waits for somebody to say yes or no. */
import { Badge, Button, Card, Muted, Row } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { share, visible } from "../../../text/format";
import { isUsed, relationKey, type Draft, type Found, type Relation } from "./model";
import styles from "./config.module.css";

export function relationName(relation: Relation): string {
  return t("config.relation", { child: visible(`${relation.child}.${relation.childColumns.join(", ")}`), parent: visible(`${relation.parent}.${relation.parentColumns.join(", ")}`) });
}

interface RelationsProps {
  found: Found;
  draft: Draft;
  onChange: (some: Partial<Draft>) => void;
}

export function Relations({ found, draft, onChange }: RelationsProps) {
  const say = (some: readonly Relation[], what: "accepted" | "refused") => {
    onChange({ relations: { ...draft.relations, ...Object.fromEntries(some.map((one) => [relationKey(one), what])) } });
  };
  const open = found.relations.filter((one) => one.origin === "proposed" && !draft.relations[relationKey(one)]);
  // The best parent of each column is what "all" means: a column has one parent.
  const best = open.filter((one) => !open.some((other) => other.child === one.child && other.childColumns.join() === one.childColumns.join() && (other.score ?? 0) > (one.score ?? 0)));
  return (
    <Card title={t("config.relations")}>
      {found.relations.length === 0 && <Muted>{t("config.noRelations")}</Muted>}
      {open.length > 0 && (
        <Row>
          <Button icon="check" onClick={() => { say(best, "accepted"); }}>
            {t("config.confirmAll")}
          </Button>
          <Button icon="cross" onClick={() => { say(open, "refused"); }}>
            {t("config.denyAll")}
          </Button>
        </Row>
      )}
      <ul className={styles.relations} aria-label={t("config.relations")}>
        {found.relations.map((relation) => (
          <li key={relationKey(relation)}>
            <div>
              <strong>{relationName(relation)}</strong>
              <Row>
                <Standing relation={relation} draft={draft} />
                {relation.score !== null && <Muted>{t("config.sure", { score: relation.score.toFixed(2) })}</Muted>}
                {relation.inclusion !== null && <Muted>{t("config.inclusion", { share: share(relation.inclusion) })}</Muted>}
              </Row>
            </div>
            <span className={styles.decide}>
              <Button aria-pressed={isUsed(relation, draft)} aria-label={t("config.confirmOf", { name: relationName(relation) })} onClick={() => { say([relation], "accepted"); }}>
                {t("config.confirm")}
              </Button>
              <Button aria-pressed={draft.relations[relationKey(relation)] === "refused"} aria-label={t("config.denyOf", { name: relationName(relation) })} onClick={() => { say([relation], "refused"); }}>
                {t("config.deny")}
              </Button>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Standing({ relation, draft }: { relation: Relation; draft: Draft }) {
  const said = draft.relations[relationKey(relation)];
  if (said === "accepted") return <Badge tone="ok">{t("config.accepted")}</Badge>;
  if (said === "refused") return <Badge tone="bad">{t("config.refused")}</Badge>;
  return <Badge tone={relation.origin === "proposed" ? "warn" : relation.origin === "refused" ? "bad" : "ok"}>{t(`config.${relation.origin}`)}</Badge>;
}
