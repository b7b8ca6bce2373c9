/** The server part, asked over Jupyter's own authenticated connection. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { IBackend, IInfo, IListing, ITree, RequestError } from './types';

const PREFIX = 'jairika-nb/v1';

export class ServerBackend implements IBackend {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  info(): Promise<IInfo> {
    return this._get('info');
  }

  models(): Promise<IListing> {
    return this._get('models');
  }

  tree(path: string): Promise<ITree> {
    return this._get(`tree${URLExt.objectToQueryString({ path })}`);
  }

  private async _get<T>(endpoint: string): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, PREFIX, endpoint);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        url,
        { method: 'GET' },
        this.settings
      );
    } catch (reason) {
      throw new RequestError(0, (reason as Error).message);
    }
    const text = await response.text();
    if (!response.ok) {
      throw new RequestError(response.status, messageOf(text) ?? response.statusText);
    }
    return JSON.parse(text) as T;
  }
}

/** The message of a JSON refusal; a proxy's error page has none. */
function messageOf(text: string): string | null {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}

/** One model of a backend's, as if there were no others; its path may change by renaming. */
export class OneModel implements IBackend {
  constructor(
    private readonly all: IBackend,
    private readonly path: () => string
  ) {}

  info(): Promise<IInfo> {
    return this.all.info();
  }

  async models(): Promise<IListing> {
    const { models } = await this.all.models();
    const found = models.filter(model => model.path === this.path());
    if (found.length === 0) {
      const message = `${this.path()} is not among the models that the server finds`;
      throw new RequestError(410, message);
    }
    return { models: found, truncated: false };
  }

  tree(path: string): Promise<ITree> {
    return this.all.tree(path);
  }
}
