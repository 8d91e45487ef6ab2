/* Reserved: routes of the management interface. No kernel offers this table yet. */
#ifndef KEEL_EXT_HTTP_H
#define KEEL_EXT_HTTP_H

#define KEEL_EXT_HTTP "keel.http/1"
#endif
