/** The field of a form that a problem is about: `config.auth.token` is `auth.token` there. */
export function fieldPath(field: string | null): string | null {
  return field ? field.replace(/^config\./, "") : null;
}
