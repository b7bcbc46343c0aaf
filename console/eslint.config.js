import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/*.d.ts"] },
  ...tseslint.configs.strict,
  jsxA11y.flatConfigs.strict,
  reactHooks.configs.flat.recommended,
  {
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Names are hostile: render text." },
        { selector: "CallExpression[callee.name='eval']", message: "The policy forbids it." },
      ],
      "no-restricted-globals": ["error", { name: "localStorage", message: "Ask app/preferences." }],
      // A row of a grid is chosen with the keyboard on the grid itself, which owns the focus.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["grid", "tabpanel", "region"], tags: [] }],
    },
  },
);
