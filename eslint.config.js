import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", "data/", "db/migrations/"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            { name: "child_process", message: "Use node:child_process with an argv array." },
            {
              name: "node:child_process",
              importNames: ["exec", "execSync"],
              message: "A command is an argv array: use spawn or execFile.",
            },
          ],
        },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "Property[key.name='shell'][value.value=true]", message: "No shell: argv arrays only." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
        { selector: "TSEnumDeclaration", message: "Use a closed union of strings." },
      ],
      eqeqeq: "error",
    },
  },
  {
    files: ["src/**/*.ts", "db/**/*.ts"],
    ignores: ["src/cli.ts", "src/cli/**"],
    rules: { "no-console": "error" },
  },
  {
    files: ["*.config.ts", "*.config.js", "db/drizzle.config.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
);
