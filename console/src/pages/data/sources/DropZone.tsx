/** Where files are dropped: the whole page, and a button for who does not drag. */
import { useEffect, useRef, useState, type InputHTMLAttributes } from "react";
import { Banner, Button } from "../../../components/controls";
import { Icon } from "../../../components/Icon";
import { filesOfDrop, hasFiles, withoutHidden } from "../../../uploads/dropped";
import { t } from "../../../text/catalogue";
import styles from "./sources.module.css";

/** Of browsers, and of no standard: the input takes a folder with all that is in it. */
const FOLDER = { webkitdirectory: "" } as InputHTMLAttributes<HTMLInputElement>;

export function DropZone({ isOff, onFiles }: { isOff: boolean; onFiles: (files: readonly File[]) => void }) {
  const [isOver, setOver] = useState(false);
  const [isEmpty, setEmpty] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = useRef(onFiles);
  useEffect(() => {
    take.current = (some) => {
      setEmpty(some.length === 0);
      if (some.length > 0) onFiles(some);
    };
  }, [onFiles]);
  useEffect(() => {
    if (isOff) return undefined;
    let inside = 0; // each element that is entered or left tells
    const enter = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      inside += 1;
      setOver(true);
    };
    const over = (event: DragEvent) => {
      if (hasFiles(event.dataTransfer)) event.preventDefault();
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      inside = Math.max(0, inside - 1);
      if (inside === 0) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer) || !event.dataTransfer) return;
      event.preventDefault();
      inside = 0;
      setOver(false);
      void filesOfDrop(event.dataTransfer).then((some) => {
        take.current(some);
      });
    };
    const pairs = [["dragenter", enter], ["dragover", over], ["dragleave", leave], ["drop", drop]] as const;
    for (const [name, listener] of pairs) window.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of pairs) window.removeEventListener(name, listener);
    };
  }, [isOff]);
  const picked = (input: HTMLInputElement) => {
    take.current(withoutHidden([...(input.files ?? [])]));
    input.value = ""; // the same file can be chosen again
  };
  return (
    <div className={[styles.zone, isOver ? styles.over : ""].join(" ")}>
      <Icon name="upload" size={28} />
      <strong>{isOver ? t("sources.dropNow") : t("sources.drop")}</strong>
      <div className={styles.buttons}>
        <Button look="primary" icon="file" disabled={isOff} onClick={() => files.current?.click()}>
          {t("sources.chooseFiles")}
        </Button>
        <Button icon="folder" disabled={isOff} onClick={() => folder.current?.click()}>
          {t("sources.chooseFolder")}
        </Button>
      </div>
      <p className={styles.hint}>{t("sources.dropHint")}</p>
      {isEmpty && <Banner tone="warn" title={t("sources.nothingInside")} isAlert />}
      <input ref={files} type="file" multiple hidden aria-hidden="true" tabIndex={-1} data-testid="files" onChange={(event) => { picked(event.target); }} />
      <input ref={folder} type="file" multiple hidden aria-hidden="true" tabIndex={-1} {...FOLDER} onChange={(event) => { picked(event.target); }} />
    </div>
  );
}
