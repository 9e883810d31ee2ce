// @ts-check
// Owns the look of <findling-search>, as text for a constructable sheet: strict policies refuse style tags and attributes.
// Must not know the page's style. Invariant: every colour follows the color-scheme that the host page declares, and every
// one can be set from outside by a custom property.

export const STYLE = `
:host {
  display: block; position: relative; inline-size: 100%; max-inline-size: 40rem; text-align: start;
  font: 400 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --surface: var(--findling-surface, light-dark(#ffffff, #1c2225));
  --ink: var(--findling-ink, light-dark(#1d2324, #eceeed));
  --soft: var(--findling-soft, light-dark(#5b6263, #a9b3b5));
  --line: var(--findling-line, light-dark(#8b867c, #78868b));
  --accent: var(--findling-accent, light-dark(#0f6b63, #5fd0c0));
  --chosen: var(--findling-chosen, light-dark(#dcefeb, #173a37));
  --mark: var(--findling-mark, light-dark(#ffe7a3, #5a4a12));
  color: var(--ink);
}
:host([hidden]) { display: none; }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
input {
  display: block; inline-size: 100%; block-size: 3rem; padding-inline: 1rem; margin: 0; appearance: none;
  font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
}
input::placeholder { color: var(--soft); opacity: 1; }
input:focus { outline: 2px solid var(--accent); outline-offset: 1px; border-color: var(--accent); }
.panel {
  position: absolute; inset: calc(100% + 0.5rem) 0 auto; z-index: 10; max-block-size: min(28rem, 70dvh); overflow-y: auto;
  background: var(--surface); border: 1px solid color-mix(in srgb, var(--line) 45%, transparent); border-radius: 12px;
  box-shadow: 0 12px 36px rgb(0 0 0 / 18%);
}
.option {
  display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 0.8rem; align-items: center; min-block-size: 44px;
  padding: 0.55rem 1rem; color: inherit; text-decoration: none; cursor: pointer; overflow-wrap: anywhere;
}
.option[aria-selected="true"] { background: var(--chosen); box-shadow: inset 3px 0 var(--accent); }
.glyph { grid-row: 1 / span 2; inline-size: 2rem; font-size: 1.5rem; line-height: 1.2; overflow: clip; white-space: nowrap; }
.title { grid-column: 2; font-weight: 600; }
.snippet { grid-column: 2; color: var(--soft); font-size: 0.875rem; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
mark { color: var(--ink); background: var(--mark); border-radius: 3px; }
.state { margin: 0; padding: 0.7rem 1rem; color: var(--soft); font-size: 0.875rem; overflow-wrap: anywhere; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { mark { color: MarkText; background: Mark; } .option[aria-selected="true"] { outline: 2px solid Highlight; outline-offset: -2px; } }
`;
