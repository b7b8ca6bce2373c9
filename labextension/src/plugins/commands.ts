/** Commands for the palette and the tree's context menu. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon, LabIcon, refreshIcon } from '@jupyterlab/ui-components';

import { modelIcon } from '../icons';
import { pythonLines, switchLine } from '../lines';
import { IRow } from '../rows';
import { IModelTrees, NAME, PANEL } from '../tokens';
import { Kind } from '../types';

/** Milliseconds for which a note about the clipboard stays. */
const NOTE = 2_000;

/** Something to copy from a row: a row of this table is a command and a menu entry. */
interface ICopied {
  id: string;
  label: string;
  kinds: Kind[];
  text(row: IRow): string | undefined;
}

const COPIED: ICopied[] = [
  {
    id: 'copy-python',
    label: 'Copy Python to Load It',
    kinds: ['model', 'variant', 'iteration'],
    text: ({ model, variant, iteration }) =>
      model.tree ? pythonLines(model.tree, variant?.name, iteration?.name) : undefined
  },
  {
    id: 'copy-switch',
    label: 'Copy %jrk switch Line',
    kinds: ['variant', 'iteration'],
    text: ({ model, variant }) =>
      model.tree && variant ? switchLine(model.tree, variant.name) : undefined
  },
  {
    id: 'copy-address',
    label: 'Copy Address',
    kinds: ['model', 'variant', 'iteration'],
    text: ({ model }) => model.tree?.address
  },
  {
    id: 'copy-id',
    label: 'Copy Iteration Id',
    kinds: ['iteration'],
    text: ({ iteration }) => iteration?.id
  }
];

export const commands: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:commands`,
  description: 'Commands for models, in the palette and the context menu.',
  autoStart: true,
  requires: [IModelTrees],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    models: IModelTrees,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jairika_nb');
    const add = (
      id: string,
      label: string,
      icon: LabIcon,
      execute: () => unknown
    ): string => {
      const command = `${NAME}:${id}`;
      app.commands.addCommand(command, {
        label,
        icon,
        execute,
        describedBy: { args: { type: 'object', properties: {} } }
      });
      palette?.addItem({ command, category: trans.__('Jairika') });
      return command;
    };
    add('show', trans.__('Show Jairika Models'), modelIcon, () =>
      app.shell.activateById(PANEL)
    );
    const refresh = add('refresh', trans.__('Refresh Jairika Models'), refreshIcon, () =>
      models.refresh()
    );
    COPIED.forEach(({ id, label, kinds, text }, rank) => {
      const command = `${NAME}:${id}`;
      const chosen = (): string | undefined => {
        const row = models.trees.selectedRow;
        return row === null ? undefined : text(row);
      };
      app.commands.addCommand(command, {
        label: trans.__(label),
        icon: rank === 0 ? copyIcon : undefined,
        isEnabled: () => chosen() !== undefined,
        execute: () => copy(chosen(), trans.__('Copied')),
        describedBy: { args: { type: 'object', properties: {} } }
      });
      for (const kind of kinds) {
        app.contextMenu.addItem({
          command,
          selector: `#${PANEL} .jrk-Row[data-kind="${kind}"]`,
          rank
        });
      }
    });
    app.contextMenu.addItem({
      type: 'separator',
      selector: `#${PANEL} .jrk-Row`,
      rank: COPIED.length
    });
    app.contextMenu.addItem({
      command: refresh,
      selector: `#${PANEL}`,
      rank: COPIED.length + 1
    });
  }
};

function copy(text: string | undefined, said: string): void {
  if (text !== undefined) {
    Clipboard.copyToSystem(text);
    Notification.emit(`${said}: ${text}`, 'success', { autoClose: NOTE });
  }
}
