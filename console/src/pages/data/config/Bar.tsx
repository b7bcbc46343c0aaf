/** What is generated: how much, by which seed, as what; and about what it costs. */
import { useState } from "react";
import { useLocation } from "wouter";
import { ApiError, call } from "../../../api/client";
import { useSession } from "../../../app/session";
import { Failure } from "../../../components/Answer";
import { toast } from "../../../components/toast";
import { Button, SelectField, TextField } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { bytes, duration, plural } from "../../../text/format";
import { FORMATS } from "../export/formats";
import { tabAddress, type Wizard } from "../wizard";
import { LOCALES, estimate, type BarValues, type Draft, type Found } from "./model";
import { requestOf, type Inputs } from "./request";
import styles from "./config.module.css";

const LARGEST_SEED = 2 ** 32;

export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

interface BarProps {
  found: Found;
  draft: Draft;
  bar: BarValues;
  inputs: Inputs;
  wizard: Wizard;
  onChange: (some: Partial<BarValues>) => void;
}

function numberOf(text: string, least: number, most: number, otherwise: number): number {
  const number = Number(text);
  return text === "" || !Number.isFinite(number) ? otherwise : Math.min(most, Math.max(least, number));
}

export function Bar({ found, draft, bar, inputs, wizard, onChange }: BarProps) {
  const [, navigate] = useLocation();
  const { may_decide: mayDecide } = useSession();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [scale, setScale] = useState(String(bar.scale));
  const about = estimate(found, draft, bar);
  const tables = plural(about.tables, "table");
  const generate = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const made = await call("POST /api/sdv/generate", { body: requestOf(found, draft, bar, inputs) });
      toast(t("config.started"));
      navigate(tabAddress("results", { ...wizard, session: made.session_id }));
    } catch (error) {
      setProblem(error instanceof ApiError ? error : new ApiError(0, String(error), "", null));
      setBusy(false);
    }
  };
  return (
    <section className={styles.bar} aria-label={t("config.bar")}>
      {problem && <Failure error={problem} />}
      <div className={styles.barFields}>
        <TextField label={t("config.scale")} type="number" min={0.01} max={1000} step="any" title={t("config.scaleHint")} value={scale} onChange={(event) => { setScale(event.target.value); onChange({ scale: numberOf(event.target.value, 0.001, 1000, 1) }); }} />
        <div className={styles.seed}>
          <TextField label={t("config.seed")} inputMode="numeric" value={String(bar.seed)} onChange={(event) => { onChange({ seed: Math.round(numberOf(event.target.value.replace(/\D/g, ""), 0, LARGEST_SEED, 0)) }); }} />
          <Button icon="dice" name={t("config.dice")} onClick={() => { onChange({ seed: drawSeed() }); }} />
        </div>
        <SelectField label={t("config.format")} value={bar.format} options={FORMATS.map((one) => [one, t(`export.${one}`)])} onPick={(format) => { onChange({ format: FORMATS.find((one) => one === format) ?? "csv" }); }} />
        <SelectField label={t("config.locale")} value={bar.locale} options={LOCALES.map((one) => [one, one.replace("_", "-")])} onPick={(locale) => { onChange({ locale }); }} />
        <SelectField label={t("config.engine")} value={bar.engine} options={[["core", "core"], ["mostlyai", "mostlyai"]]} onPick={(engine) => { onChange({ engine: engine === "mostlyai" ? "mostlyai" : "core" }); }} />
        <TextField label={t("config.threshold")} type="number" min={0} max={1} step={0.05} value={bar.threshold} onChange={(event) => { onChange({ threshold: numberOf(event.target.value, 0, 1, 0.8) }); }} />
      </div>
      <div className={styles.go}>
        <span role="status">{about.rows === null ? t("config.estimateUnknown", { tables }) : t("config.estimate", { tables, rows: plural(about.rows, "row"), time: duration(about.seconds), size: bytes(about.bytes) })}</span>
        <Button look="primary" icon="right" disabled={!mayDecide || isBusy} onClick={() => void generate()}>
          {t("config.generate")}
        </Button>
      </div>
    </section>
  );
}
