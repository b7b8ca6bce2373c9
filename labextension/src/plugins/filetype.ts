/** Gives model files their icon in the file browser, and a way from there to the tree. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { modelIcon } from '../icons';
import { NAME } from '../tokens';

/** Name of the file type of models. */
export const FILE_TYPE = 'jairika-model';

export const filetype: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:filetype`,
  description: 'The file type of models.',
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): void => {
    const trans = (translator ?? nullTranslator).load('jairika_nb');
    app.docRegistry.addFileType({
      name: FILE_TYPE,
      displayName: trans.__('Jairika model'),
      extensions: ['.jrk.h5'],
      mimeTypes: ['application/x-hdf5'],
      contentType: 'file',
      fileFormat: 'base64',
      icon: modelIcon
    });
    app.contextMenu.addItem({
      command: `${NAME}:show`,
      selector: `.jp-DirListing-item[data-file-type="${FILE_TYPE}"]`,
      rank: 0
    });
  }
};
