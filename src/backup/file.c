/* The bytes of a backup file: a heading, then blocks, each with its length, type and checksum.
 *
 *   heading  "GWBACKUP" u8 version
 *   block    u32 payload length, u8 type, payload, u32 CRC-32C over the three
 *
 * One block describes the table, any number hold items, and the last says how many there are: a
 * file without it was not finished. */
#include "backup/backup.h"

enum { FILE_VERSION = 1, MAGIC_BYTES = 8, CRC_BYTES = 4 };

static const char magic[MAGIC_BYTES + 1] = "GWBACKUP";

static void put_block(struct buf *out, enum backup_block_type type, struct bytes payload)
{
    struct buf head;
    buf_init(&head, 64);
    put_u32(&head, (uint32_t)payload.len);
    buf_put_u8(&head, (uint8_t)type);
    uint32_t crc = crc32c(crc32c(0, buf_bytes(&head)), payload);
    buf_put_bytes(out, buf_bytes(&head));
    buf_put_bytes(out, payload);
    put_u32(out, crc);
    buf_done(&head);
}

void backup_writer_begin(struct backup_writer *w, struct buf *out, const struct value *table)
{
    *w = (struct backup_writer){.out = out};
    buf_init(&w->block, BACKUP_BLOCK_BYTES_MAX);
    buf_put(out, magic, MAGIC_BYTES);
    buf_put_u8(out, FILE_VERSION);
    value_encode(&w->block, table);
    put_block(out, BACKUP_BLOCK_TABLE, buf_bytes(&w->block));
    buf_clear(&w->block);
}

static void close_block(struct backup_writer *w)
{
    if (w->block.len > 0) {
        put_block(w->out, BACKUP_BLOCK_ITEMS, buf_bytes(&w->block));
        buf_clear(&w->block);
    }
}

void backup_writer_add(struct backup_writer *w, struct bytes item, uint64_t size)
{
    put_lenbytes(&w->block, item);
    ASSERT(w->block.err == OK);
    w->items++;
    w->bytes += size;
    if (w->block.len >= BACKUP_BLOCK_BYTES) {
        close_block(w);
    }
}

void backup_writer_end(struct backup_writer *w)
{
    close_block(w);
    put_varint(&w->block, w->items);
    put_varint(&w->block, w->bytes);
    put_block(w->out, BACKUP_BLOCK_END, buf_bytes(&w->block));
    buf_clear(&w->block);
}

void backup_writer_done(struct backup_writer *w)
{
    buf_done(&w->block);
}

enum err backup_file_heading(struct bytes in, size_t *ret_len)
{
    if (in.len < MAGIC_BYTES + 1) {
        return ERR_AGAIN;
    }
    if (memcmp(in.base, magic, MAGIC_BYTES) != 0) {
        return ERR_CORRUPT;
    }
    *ret_len = MAGIC_BYTES + 1;
    return in.base[MAGIC_BYTES] == FILE_VERSION ? OK : ERR_FORMAT;
}

enum err backup_block_take(struct bytes in, struct backup_block *ret)
{
    struct reader r = reader_of(in);
    uint32_t len = get_u32(&r);
    uint8_t type = get_u8(&r);
    if (r.bad) {
        return ERR_AGAIN;
    }
    if (len > BACKUP_BLOCK_BYTES_MAX || type < BACKUP_BLOCK_TABLE || type > BACKUP_BLOCK_END) {
        return ERR_CORRUPT;
    }
    struct bytes payload = get_bytes(&r, len);
    uint32_t crc = get_u32(&r);
    if (r.bad) {
        return ERR_AGAIN;
    }
    if (crc != crc32c(0, bytes_of(in.base, BACKUP_BLOCK_HEAD_BYTES + len))) {
        return ERR_CORRUPT;
    }
    *ret = (struct backup_block){
        .type = (enum backup_block_type)type,
        .payload = payload,
        .len = BACKUP_BLOCK_HEAD_BYTES + len + CRC_BYTES,
    };
    return OK;
}

enum err backup_block_item(struct reader *payload, struct bytes *ret)
{
    if (reader_left(payload) == 0) {
        return payload->bad ? ERR_CORRUPT : ERR_NOT_FOUND;
    }
    struct bytes item = get_lenbytes(payload);
    if (payload->bad) {
        return ERR_CORRUPT;
    }
    *ret = item;
    return OK;
}

enum err backup_block_end(struct bytes payload, uint64_t *ret_items, uint64_t *ret_bytes)
{
    struct reader r = reader_of(payload);
    uint64_t items = get_varint(&r);
    uint64_t bytes = get_varint(&r);
    if (r.bad || reader_left(&r) != 0) {
        return ERR_CORRUPT;
    }
    *ret_items = items;
    *ret_bytes = bytes;
    return OK;
}
