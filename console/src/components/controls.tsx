/** Buttons, fields, badges, banners, small tables: native elements with our look. */
import { useId, type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "./Icon";
import styles from "./controls.module.css";

export type Tone = "ok" | "warn" | "bad" | "info" | "plain";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "plain" | "primary" | "danger" | "quiet";
  icon?: IconName;
  /** For buttons that are an icon alone: their name. */
  name?: string;
  /** Whether a dialog begins here. */
  "data-autofocus"?: boolean;
}

export function Button({ look = "plain", icon, name, children, className, type = "button", ...rest }: ButtonProps) {
  const looks = { plain: "", primary: styles.primary, danger: styles.danger, quiet: styles.quiet } as const;
  return (
    <button
      type={type}
      className={[styles.button, looks[look], name ? styles.icon : "", className].filter(Boolean).join(" ")}
      {...(name ? { "aria-label": name, title: name } : {})}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ to, icon, look = "plain", children }: { to: string; icon?: IconName; look?: "plain" | "primary"; children: ReactNode }) {
  return (
    <Link href={to} className={[styles.button, look === "primary" ? styles.primary : ""].join(" ")}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

interface FieldProps {
  label: string;
  help?: ReactNode;
  problem?: string | null;
}

export function TextField({ label, help, problem, ...rest }: FieldProps & InputHTMLAttributes<HTMLInputElement> & { "data-autofocus"?: boolean }) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className={styles.input}
        aria-invalid={problem ? true : undefined}
        aria-describedby={help || problem ? `${id}-help` : undefined}
        autoComplete="off"
        spellCheck={false}
        {...rest}
      />
      {(help || problem) && (
        <div id={`${id}-help`}>
          {problem && <p className={styles.problem}>{problem}</p>}
          {help && <p className={styles.help}>{help}</p>}
        </div>
      )}
    </div>
  );
}

interface SelectProps extends FieldProps, Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange"> {
  options: readonly (readonly [value: string, label: string])[];
  onPick: (value: string) => void;
}

export function SelectField({ label, help, problem, options, onPick, ...rest }: SelectProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        className={styles.input}
        onChange={(event) => {
          onPick(event.target.value);
        }}
        {...rest}
      >
        {options.map(([value, shown]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
      {problem && <p className={styles.problem}>{problem}</p>}
      {help && <p className={styles.help}>{help}</p>}
    </div>
  );
}

export function CheckField({ label, ...rest }: { label: string } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className={styles.check}>
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}

const TONE_ICONS: Record<Tone, IconName> = { ok: "check", warn: "warning", bad: "cross", info: "info", plain: "dot" };

/** A state: a colour, an icon and a word, never a colour alone. */
export function Badge({ tone, children, icon }: { tone: Tone; children: ReactNode; icon?: IconName }) {
  return (
    <span className={[styles.badge, tone === "plain" ? "" : styles[tone]].join(" ")}>
      <Icon name={icon ?? TONE_ICONS[tone]} size={14} />
      {children}
    </span>
  );
}

interface BannerProps {
  tone: Tone;
  title: ReactNode;
  children?: ReactNode;
  small?: ReactNode;
  action?: ReactNode;
  /** Whether it is read out when it comes. */
  isAlert?: boolean;
}

export function Banner({ tone, title, children, small, action, isAlert = false }: BannerProps) {
  return (
    <div className={[styles.banner, tone === "plain" ? "" : styles[tone]].join(" ")} role={isAlert ? "alert" : undefined}>
      <Icon name={TONE_ICONS[tone]} />
      <div>
        <strong>{title}</strong>
        {children && <p>{children}</p>}
        {small && <p className={styles.small}>{small}</p>}
      </div>
      {action}
    </div>
  );
}

export function Empty({ title, hint, action }: { title: string; hint?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <strong>{title}</strong>
      {hint && <p>{hint}</p>}
      {action}
    </div>
  );
}

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  isNumber?: boolean;
}

interface SmallTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
}

/** A table of up to some hundred rows: rows become cards on a narrow screen. Longer ones are a Grid. */
export function SmallTable<Row>({ label, columns, rows, keyOf }: SmallTableProps<Row>) {
  return (
    <div className={styles.tablewrap}>
      <table className={styles.table}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={column.isNumber ? styles.number : undefined}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.id} data-label={column.header} className={column.isNumber ? styles.number : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Names and values, one below the other. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Stack({ children }: { children: ReactNode }) {
  return <div className={styles.stack}>{children}</div>;
}

export function Row({ children }: { children: ReactNode }) {
  return <div className={styles.row}>{children}</div>;
}

export function Card({ title, children }: { title?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.card}>
      {title && <h2>{title}</h2>}
      {children}
    </section>
  );
}

export function Muted({ children }: { children: ReactNode }) {
  return <span className={styles.muted}>{children}</span>;
}

export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div className={styles.skeleton} aria-hidden="true">
      {Array.from({ length: lines }, (_, at) => (
        <div key={at} className={styles.bone} style={{ width: `${90 - ((at * 17) % 40)}%` }} />
      ))}
    </div>
  );
}
