// The bundler takes these as styles of the page.
declare module '*.css';
