/** The typed client of Murmuration. */
export const VERSION = 1;
