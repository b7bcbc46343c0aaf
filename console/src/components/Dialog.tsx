/** A native dialog: focus comes back to where it was, Escape closes it, what is behind it is inert. */
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { t } from "../text/catalogue";
import { Banner, Button, TextField } from "./controls";
import styles from "./Dialog.module.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  buttons?: ReactNode;
  /** A sheet takes the height of the window, at its side. */
  isSheet?: boolean;
}

export function Dialog({ title, onClose, children, buttons, isSheet = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    element?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      element?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={isSheet ? styles.sheet : styles.dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header className={styles.header}>
        <h2 id={id}>{title}</h2>
        <Button look="quiet" icon="cross" name={t("app.close")} onClick={onClose} />
      </header>
      <div className={styles.body}>{children}</div>
      {buttons && <footer className={styles.footer}>{buttons}</footer>}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What it will do, with its numbers. */
  children: ReactNode;
  action: string;
  isDangerous?: boolean;
  /** What has to be typed before it can be done. */
  typed?: string;
  typedLabel?: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is done: cancelling is what Enter and Escape do, a mistake stays in the dialog. */
export function Confirm({ title, children, action, isDangerous = false, typed, typedLabel, onConfirm, onClose }: ConfirmProps) {
  const [given, setGiven] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const isReady = typed === undefined || given === typed;
  const confirm = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(error instanceof ApiError ? error : new ApiError(0, String(error), "", null));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      buttons={
        <>
          {/* A dialog begins at what does nothing. */}
          <Button onClick={onClose} {...(typed === undefined ? { "data-autofocus": true } : {})}>
            {t("app.cancel")}
          </Button>
          <Button look={isDangerous ? "danger" : "primary"} disabled={!isReady || isBusy} onClick={() => void confirm()}>
            {action}
          </Button>
        </>
      }
    >
      {children}
      {typed !== undefined && (
        <TextField
          label={typedLabel ?? typed}
          value={given}
          data-autofocus
          onChange={(event) => {
            setGiven(event.target.value);
          }}
        />
      )}
      {problem && (
        <Banner tone="bad" title={problem.message} isAlert small={problem.requestId ? t("app.requestId", { id: problem.requestId }) : undefined}>
          {problem.hint}
        </Banner>
      )}
    </Dialog>
  );
}
