/* --version: this program, its libraries and what is built in. */
#ifndef QSCAN_VERSION_H
#define QSCAN_VERSION_H

void version_print(void);

#endif
