/** The version of this sidebar; equal to that of package.json and of the Python package. */
export const VERSION = '0.1.0';
