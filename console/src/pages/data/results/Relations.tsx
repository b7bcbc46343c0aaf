/** One relation: how many children parents have, which parents, and how children go with their parents. */
import { HeatMap, HistogramPair, ScoreBar, scoreText } from "../../../charts/Comparison";
import { Badge, Card, Empty, Muted, Row, SelectField, SmallTable, Stack } from "../../../components/controls";
import layout from "../../../components/layout.module.css";
import { t, type TextKey } from "../../../text/catalogue";
import { count, share, visible } from "../../../text/format";
import type { RelationFacts } from "../report";
import { Legend } from "./Tables";

const SCORES: Record<string, TextKey> = {
  children_per_parent: "results.childrenPerParent",
  children_by_group: "results.childrenByGroup",
  parent_to_child: "results.parentToChild",
  family: "results.family",
  relational_detection: "results.relationalDetection",
};

export function Relations({ relations, chosen, onChoose }: { relations: readonly RelationFacts[]; chosen: string; onChoose: (label: string) => void }) {
  const relation = relations.find((one) => one.label === chosen) ?? relations[0];
  if (!relation) return <Empty title={t("results.noRelations")} hint={t("results.noRelationsHint")} />;
  return (
    <Stack>
      <Row>
        <SelectField label={t("results.relation")} value={relation.label} options={relations.map((one) => [one.label, visible(one.label)])} onPick={onChoose} />
        <Muted>{t("results.rowsOfBoth", { real: count(relation.rows.real), synthetic: count(relation.rows.synthetic) })}</Muted>
        {!relation.judged && <Badge tone="plain">{t("results.fewRows")}</Badge>}
        <Legend />
      </Row>
      <div className={layout.columns}>
        <Card title={t("results.scores")}>
          {Object.entries(relation.scores).map(([name, score]) => {
            const key = SCORES[name];
            return score && <ScoreBar key={name} label={key ? t(key) : name.replaceAll("_", " ")} score={score.score} ceiling={score.ceiling} floor={score.floor} />;
          })}
        </Card>
        <Card title={t("results.childrenPerParent")}>
          <HistogramPair name={t("results.childrenOf", { child: relation.child, parent: relation.parent })} plot={relation.children_per_parent} />
        </Card>
      </div>
      {relation.children_by_group.map((grouped) => (
        <Card key={grouped.column} title={t("results.childrenBy", { column: visible(grouped.column) })}>
          <SmallTable
            label={t("results.childrenBy", { column: visible(grouped.column) })}
            columns={[
              { id: "group", header: visible(grouped.column), cell: (one) => (one.group === null ? t("results.fewParents") : visible(one.group)) },
              { id: "share", header: t("results.share"), isNumber: true, cell: (one) => share(one.share) },
              { id: "real", header: t("charts.real"), isNumber: true, cell: (one) => one.real.toFixed(2) },
              { id: "synthetic", header: t("charts.synthetic"), isNumber: true, cell: (one) => one.synthetic.toFixed(2) },
            ]}
            rows={grouped.groups.map((one, at) => ({ ...one, at }))}
            keyOf={(one) => one.at}
          />
        </Card>
      ))}
      {relation.family.length > 0 && (
        <Card title={t("results.family")}>
          <Muted>{t("results.familyHint")}</Muted>
          <SmallTable
            label={t("results.family")}
            columns={[
              { id: "column", header: t("results.column"), cell: (one) => visible(one.column) },
              { id: "real", header: t("charts.real"), isNumber: true, cell: (one) => scoreText(one.real) },
              { id: "synthetic", header: t("charts.synthetic"), isNumber: true, cell: (one) => scoreText(one.synthetic) },
              { id: "score", header: t("results.score"), isNumber: true, cell: (one) => scoreText(one.score) },
            ]}
            rows={relation.family}
            keyOf={(one) => one.column}
          />
        </Card>
      )}
      {relation.heat_map.rows.length > 0 && relation.heat_map.columns.length > 0 && (
        <Card title={t("results.parentToChild")}>
          <HeatMap label={t("results.pairsOf", { name: visible(relation.label) })} {...relation.heat_map} />
        </Card>
      )}
    </Stack>
  );
}
