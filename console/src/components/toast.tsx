/** Results of one's own actions, for some seconds. Errors stay in place instead: they are no toasts. */
import { useSyncExternalStore } from "react";
import { Icon } from "./Icon";
import styles from "./toast.module.css";

interface Toast {
  id: number;
  text: string;
}

const SHOWN_MS = 6_000;
let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Say what became of what somebody did. */
export function toast(text: string): void {
  last += 1;
  const id = last;
  change([...toasts.slice(-3), { id, text }]);
  window.setTimeout(() => {
    change(toasts.filter((one) => one.id !== id));
  }, SHOWN_MS);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={styles.toast}>
          <Icon name="check" />
          {one.text}
        </div>
      ))}
    </div>
  );
}
