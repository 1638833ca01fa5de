import { defineConfig } from 'eslint/config';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import jest from 'eslint-plugin-jest';
import reactHooks from 'eslint-plugin-react-hooks';
import prettier from 'eslint-config-prettier';
export default defineConfig(
  { ignores: ['node_modules', 'dist', 'web/dist', 'packages/*/dist', '.data*', '.emails'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 10],
      'max-params': ['error', 4],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        {
          selector:
            "NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'Time comes from the injected Clock.',
        },
        {
          selector:
            "CallExpression[callee.name=/^(parseFloat)$/], CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: 'No floats for credits, no hidden randomness.',
        },
        {
          selector: 'ObjectExpression > Property[kind=/^(get|set)$/]',
          message:
            'Give a class the accessor: an object written with one gets a shape of its own, which keeps what it holds until a full garbage collection.',
        },
        { selector: 'TSEnumDeclaration[const=true]', message: 'Plain enum or a union.' },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Answers are plain objects in the shape of their type's class: the classes only declare the schema.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    extends: [jest.configs['flat/recommended']],
    rules: {
      'jest/no-standalone-expect': [
        'error',
        {
          additionalTestBlockFunctions: [
            'itAsRoot',
            'itAsOrdinaryUser',
            'itOnOneServer',
            'itOnOneServer.each',
          ],
        },
      ],
      'jest/expect-expect': ['warn', { assertFunctionNames: ['expect', 'expect*', 'fc.assert'] }],
    },
  },
  {
    files: ['web/**/*.ts', 'web/**/*.tsx'],
    extends: [reactHooks.configs.flat.recommended],
  },
  {
    files: ['web/**/*.tsx'],
    // Markup is long where code of its size is not.
    rules: {
      'max-lines-per-function': ['error', { max: 120, skipBlankLines: true, skipComments: true }],
    },
  },
  // All text of a language stands in one file.
  { files: ['web/words/*.ts'], rules: { 'max-lines': 'off' } },
  {
    files: ['src/core/clock.ts', 'web/clock.ts', 'packages/client/src/clock.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts', 'migrations/**/*.ts'],
    rules: { 'max-lines': 'off', 'max-lines-per-function': 'off', 'max-params': 'off' },
  },
  // jest calls the default export of these.
  { files: ['test/support/*-{setup,teardown}.ts'], rules: { 'no-restricted-syntax': 'off' } },
  prettier,
);
