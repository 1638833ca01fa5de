import { type ReactNode, useId } from 'react';
import { chooseTheme, type Theme, THEMES, useTheme } from '../preferences.ts';
import { useWords } from '../words/words.ts';

const ICONS: Readonly<Record<Theme, string>> = {
  system: 'M10 3.5a6.5 6.5 0 1 0 0 13zm0 0a6.5 6.5 0 0 1 0 13',
  light:
    'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  dark: 'M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z',
};

/** The browser's own list of the themes, behind the icon of the one that is chosen. */
export function ThemeChooser(): ReactNode {
  const words = useWords().frame;
  const theme = useTheme();
  const id = useId();
  return (
    <span className="icon-button theme" data-theme={theme}>
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d={ICONS[theme]} />
      </svg>
      <label htmlFor={id} className="visually-hidden">
        {words.theme}
      </label>
      <select
        id={id}
        title={words.theme}
        value={theme}
        onChange={({ target }) => {
          const chosen = THEMES.find((one) => one === target.value);
          if (chosen !== undefined) chooseTheme(chosen);
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {words.themes[one]}
          </option>
        ))}
      </select>
    </span>
  );
}
