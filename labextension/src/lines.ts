/** The lines that a row offers for pasting into a notebook. */
import { ITree } from './types';

/** A word of a `%jrk` line: bare where that is safe, in double quotes else. */
export function word(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `"${text.replace(/(["\\])/g, '\\$1')}"`;
}

export function switchLine(tree: ITree, variant: string): string {
  return `%jrk switch ${word(tree.address)} ${word(variant)}`;
}

/** Python that loads the network of an iteration, or opens what stands above one. */
export function pythonLines(tree: ITree, variant?: string, iteration?: string): string {
  const parts = [variant, iteration].filter((part): part is string => part !== undefined);
  const place = parts.map(part => `[${JSON.stringify(part)}]`).join('');
  const value = `jrk.open(${JSON.stringify(tree.address)})${place}`;
  return [
    'import jairika_nb as jrk',
    iteration === undefined
      ? `${variant === undefined ? 'model' : 'variant'} = ${value}`
      : `net = ${value}.load()`
  ].join('\n');
}
