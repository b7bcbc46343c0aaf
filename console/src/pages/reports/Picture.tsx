/** The picture of a report: a ranking, stacks, or a grid of weekdays and hours. */
import type { ReportPicture } from "../../api/types";
import { Bars, HeatMap, Shares, type Series } from "../../charts/Charts";
import { t } from "../../text/catalogue";
import { bytes, compact, visible } from "../../text/format";

/** Of names that can be read beside bars; of more, only the ends are named. */
const LABELS_MAX_COUNT = 16;
const COLORS = ["var(--chart-1)", "var(--chart-2)", "var(--chart-3)", "var(--chart-4)"];
const ALARMING = ["var(--chart-2)", "var(--chart-1)", "var(--chart-3)", "var(--chart-4)"];

export function Picture({ picture, title }: { picture: ReportPicture; title: string }) {
  const format = picture.unit === "B" ? bytes : compact;
  const colors = picture.alarming ? ALARMING : COLORS;
  const series: Series[] = picture.series.map((one, at) => ({ id: String(at), label: visible(one.name) || title, color: colors[at % colors.length] ?? "var(--chart-1)" }));
  const rows = picture.labels.map((label, at) => {
    const values = Object.fromEntries(picture.series.map((one, number) => [String(number), one.values[at] ?? 0]));
    const total = picture.series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0);
    return { key: `${at} ${label}`, label: visible(label), values, total, text: format(total) };
  });
  const most = [...rows].sort((a, b) => b.total - a.total)[0];
  const sentence = most && most.total > 0 ? t("reports.pictureSentence", { title, label: most.label, amount: most.text }) : t("reports.pictureEmpty", { title });
  if (picture.kind === "grid") return <HeatMap sentence={sentence} columns={picture.labels} rows={picture.series} format={format} />;
  if (picture.kind === "stacks" && rows.length > LABELS_MAX_COUNT) return <Bars sentence={sentence} bars={rows} series={series} format={format} />;
  return <Shares label={sentence} rows={rows} series={series} />;
}
