/** Filters as fields, for who does not type them into the search; what is typed there is shown here. */
import { useState, type FormEvent } from "react";
import { Button, SelectField, TextField } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { dayOf, type FileSearch } from "../../query/search";
import { t } from "../../text/catalogue";
import { KINDS, NO_FILTERS, filterCount, sizeText, sizeTyped, type Filters } from "./filters";

interface FilterFieldsProps {
  filters: Filters;
  typed: FileSearch;
  onChange: (some: Partial<Filters>) => void;
}

export function FilterFields({ filters, typed, onChange }: FilterFieldsProps) {
  const used = filterCount(filters);
  const [isOpen, setOpen] = useState(used > 0);
  return (
    <details open={isOpen} onToggle={(event) => { setOpen(event.currentTarget.open); }}>
      <summary className={layout.summary}>{used > 0 ? t("files.filtersUsed", { count: used }) : t("files.filters")}</summary>
      <div className={layout.filters}>
        <SelectField
          label={t("files.kind")}
          value={typed.kind?.[0] ?? filters.kind}
          disabled={typed.kind !== undefined}
          options={[["", t("app.all")], ...KINDS.map((one) => [one, t(`files.kind.${one}`)] as const)]}
          onPick={(kind) => { onChange({ kind }); }}
        />
        <Typed label={t("files.ownerFilter")} given={typed.owner ?? filters.owner} isOff={typed.owner !== undefined} onEnter={(owner) => { onChange({ owner: owner.trim() }); return null; }} />
        <Typed
          label={t("files.minSize")}
          given={sizeText(typed.min_size ?? filters.min_size)}
          isOff={typed.min_size !== undefined}
          placeholder="10 MB"
          onEnter={(text) => {
            const size = sizeTyped(text);
            if (size === undefined) return t("files.noSize");
            onChange({ min_size: size });
            return null;
          }}
        />
        <TextField
          label={t("files.changedSince")}
          type="date"
          value={typed.changed_since?.slice(0, 10) ?? (dayOf(filters.changed_since) ? filters.changed_since : "")}
          disabled={typed.changed_since !== undefined}
          onChange={(event) => { onChange({ changed_since: event.target.value }); }}
        />
        {used > 0 && <Button icon="cross" onClick={() => { onChange(NO_FILTERS); }}>{t("files.noFilters")}</Button>}
      </div>
    </details>
  );
}

interface TypedProps {
  label: string;
  given: string;
  isOff: boolean;
  placeholder?: string;
  /** Takes what was typed; returns what is wrong with it. */
  onEnter: (text: string) => string | null;
}

/** A field that counts when it is left, or with Enter. */
function Typed({ label, given, isOff, placeholder, onEnter }: TypedProps) {
  const [typed, setTyped] = useState(given);
  const [known, setKnown] = useState(given);
  const [problem, setProblem] = useState<string | null>(null);
  if (known !== given) {
    setKnown(given);
    setTyped(given);
    setProblem(null);
  }
  const enter = (event?: FormEvent) => {
    event?.preventDefault();
    if (typed !== given) setProblem(onEnter(typed));
  };
  return (
    <form onSubmit={enter}>
      <TextField label={label} value={typed} disabled={isOff} placeholder={placeholder} problem={problem} onChange={(event) => { setTyped(event.target.value); }} onBlur={() => { enter(); }} />
    </form>
  );
}
