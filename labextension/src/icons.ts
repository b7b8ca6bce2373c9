/** Our own marks, drawn on a 16 px grid and coloured by the theme. */
import { LabIcon } from '@jupyterlab/ui-components';

const draw = (name: string, shapes: string): LabIcon =>
  new LabIcon({
    name: `jairika-nb:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">${shapes}</svg>`
  });

/** A trunk with two branches: one model and its versions. */
export const modelIcon = draw(
  'model',
  `<g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <circle cx="4" cy="13" r="1.9"/><circle cx="4" cy="3" r="1.9"/><circle cx="12" cy="6" r="1.9"/>
    <path d="M3.3 4h1.4v8H3.3z"/>
    <path d="M12.7 7v.4c0 2.2-1.6 3.1-3.6 3.5-1.7.3-4.4.2-4.4 1.6H3.3c0-2.8 3.4-2.6 5.5-3 1.6-.3 2.5-.8 2.5-2.1V7z"/>
  </g>`
);

const shield = (name: string, shapes: string): LabIcon =>
  draw(
    name,
    `<path class="jrk-Seal-shield" d="M8 1.5 13.5 3.500V7.600C13.5 11 11.2 13.6 8 14.6 4.8 13.6 2.5 11 2.5 7.600V3.500Z"/>${shapes}`
  );

/** Shields for signatures: filled where they are right, an outline where nobody vouches. */
export const sealIcons = {
  trusted: shield('trusted', '<path class="jrk-Seal-mark" d="M5.2 8 7.2 10 11 5.8"/>'),
  unknown: shield(
    'unknown',
    '<path class="jrk-Seal-mark" d="M6.2 6.300C6.2 4.2 9.9 4.2 9.9 6.4 9.9 7.8 8 7.8 8 9.200M8 11v.6"/>'
  ),
  bad: shield(
    'bad',
    '<path class="jrk-Seal-mark" d="M5.9 5.7 10.1 10M10.1 5.7 5.9 10"/>'
  ),
  unchecked: shield('unchecked', '<path class="jrk-Seal-mark" d="M5.2 8H10.8"/>'),
  unsigned: shield('unsigned', '')
};

/** A stem that forks: a variant. The stem goes on as the line of its iterations. */
export const variantIcon = draw(
  'variant',
  `<g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <circle cx="4" cy="3.5" r="1.9"/><circle cx="12" cy="3.5" r="1.9"/>
    <path d="M7 16v-3.5C7 9 3 9.3 3 4.5h2c0 2.7 1.800 3.3 3 4.7 1.200-1.400 3-2 3-4.7h2c0 4.800-4 4.5-4 8V16z"/>
  </g>`
);
