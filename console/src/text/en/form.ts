export const form = {
  "form.required": "(required)",
  "form.onePerLine": "one a line",
  "form.pairs": "name: value, one a line",
  "form.item": "Number {number}",
  "form.add": "Add one",
  "form.removeLast": "Remove the last one",
  "form.secretSet": "Stored, and never shown. Type to replace it.",
  "form.secretRemoved": "Will be removed.",
  "form.secretRemove": "Remove what is stored",
  "form.secretKeep": "Keep what is stored",
} as const;
