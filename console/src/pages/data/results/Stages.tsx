/** The way of a generation: which stages are behind it, where it is, and how long it may take. */
import { useEffect, useState } from "react";
import type { SessionAnswer } from "../../../api/types";
import { Icon, type IconName } from "../../../components/Icon";
import { Muted } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { count, duration, visible } from "../../../text/format";
import { STAGES, isFinished, placeOf } from "../generation";
import styles from "./results.module.css";

const SPOKEN_EVERY_MS = 5_000;
const ICONS: Record<ReturnType<typeof placeOf>, IconName> = { done: "check", now: "right", ahead: "dot", stopped: "cross" };

export function Stages({ session, isTold }: { session: SessionAnswer; isTold: boolean }) {
  const { progress } = session;
  const reached = STAGES.find((one) => one === progress.stage) ?? "queued";
  const isOver = isFinished(session.state);
  const what = [progress.step, progress.table].filter(Boolean).map((one) => visible(one ?? "")).join(" ");
  return (
    <section className={styles.progress} aria-label={t("results.progress")}>
      <ol className={styles.stages}>
        {STAGES.map((stage) => {
          const place = placeOf(stage, session.state, reached);
          return (
            <li key={stage} className={styles[place]} aria-current={place === "now" ? "step" : undefined}>
              <Icon name={ICONS[place]} size={14} />
              {t(`stage.${stage}`)}
              <span className="visually-hidden">{t(`results.place.${place}`)}</span>
            </li>
          );
        })}
      </ol>
      {!isOver && (
        <>
          <progress className={styles.bar} max={100} value={progress.percent ?? 0} aria-label={t("results.progress")} />
          <div className={styles.facts}>
            <strong>{Math.floor(progress.percent ?? 0)} %</strong>
            <span>
              {what}
              {(progress.total ?? 0) > 0 && ` ${count(progress.done)} / ${count(progress.total)}`}
            </span>
            <Muted>{progress.eta_s === null || progress.eta_s === undefined ? t("results.etaUnknown") : t("results.eta", { time: duration(progress.eta_s) })}</Muted>
            <Muted>{isTold ? t("results.told") : t("results.polled")}</Muted>
          </div>
          <Spoken text={t("results.spoken", { stage: t(`stage.${session.state}`), percent: Math.floor(progress.percent ?? 0) })} />
        </>
      )}
    </section>
  );
}

/** For who does not see the bar: now and then. */
function Spoken({ text }: { text: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setSaid(text);
    }, SPOKEN_EVERY_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [text]);
  return (
    <p className="visually-hidden" role="status">
      {said}
    </p>
  );
}
