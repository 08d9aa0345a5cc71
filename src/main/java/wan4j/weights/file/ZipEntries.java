package wan4j.weights.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;

/// The uncompressed entries of a zip file and where their bytes lie in it, zip64 included; nothing
/// is unpacked.
public final class ZipEntries {
  private static final int END = 0x06054b50;
  private static final int END_64 = 0x06064b50;
  private static final int LOCATOR_64 = 0x07064b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int LOCAL = 0x04034b50;
  private static final int END_BYTES = 22;
  private static final int LONGEST_COMMENT = 0xFFFF;
  private static final int LARGEST_DIRECTORY = 64 << 20;

  /// One stored entry.
  public record Entry(String name, long size, long headerPosition) {}

  private final PositionedFile file;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private long directoryPosition;

  private ZipEntries(PositionedFile file) {
    this.file = file;
  }

  /// Reads the directory of a zip file; throws `InputException` when it is damaged, compressed,
  /// encrypted or has names that lead out of a folder.
  public static ZipEntries read(PositionedFile file) {
    ZipEntries zip = new ZipEntries(file);
    zip.readDirectory();
    return zip;
  }

  /// Returns the entries by name, in the order of the directory.
  public Map<String, Entry> entries() {
    return entries;
  }

  /// Returns where the bytes of an entry begin in the file; throws `InputException` when its own
  /// header contradicts the directory.
  public long position(Entry entry) {
    ByteBuffer header = bytes(entry.headerPosition, 30);
    byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
    long position =
        entry.headerPosition + 30 + (header.getShort(26) & 0xFFFF) + (header.getShort(28) & 0xFFFF);
    if (header.getInt(0) != LOCAL
        || (header.getShort(26) & 0xFFFF) != name.length
        || !java.util.Arrays.equals(file.read(entry.headerPosition + 30, name.length), name)) {
      throw damaged("has no entry where its directory places " + Quoted.of(entry.name));
    }
    if (entry.size > directoryPosition - position) {
      throw damaged("has an entry " + Quoted.of(entry.name) + " that reaches into its directory");
    }
    return position;
  }

  private void readDirectory() {
    long endPosition = findEnd();
    ByteBuffer end = bytes(endPosition, END_BYTES);
    long count = end.getShort(10) & 0xFFFF;
    long size = end.getInt(12) & 0xFFFFFFFFL;
    long position = end.getInt(16) & 0xFFFFFFFFL;
    if (count == 0xFFFF || size == 0xFFFFFFFFL || position == 0xFFFFFFFFL) {
      ByteBuffer end64 = bytes(locateEnd64(endPosition), 56);
      if (end64.getInt(0) != END_64) {
        throw damaged("has no zip64 directory where it promises one");
      }
      count = end64.getLong(32);
      size = end64.getLong(40);
      position = end64.getLong(48);
    }
    if (size < 0 || size > LARGEST_DIRECTORY || position < 0 || position > endPosition - size) {
      throw damaged("places its directory of " + size + " bytes at byte " + position);
    }
    directoryPosition = position;
    ByteBuffer directory = bytes(position, (int) size);
    for (long i = 0; i < count; i++) {
      readEntry(directory);
    }
  }

  private long findEnd() {
    int length = (int) Math.min(file.size(), END_BYTES + LONGEST_COMMENT);
    ByteBuffer tail = bytes(file.size() - length, length);
    for (int at = length - END_BYTES; at >= 0; at--) {
      if (tail.getInt(at) == END && at + END_BYTES + (tail.getShort(at + 20) & 0xFFFF) == length) {
        return file.size() - length + at;
      }
    }
    throw damaged("has no zip directory at its end");
  }

  private long locateEnd64(long endPosition) {
    if (endPosition < 20) {
      throw damaged("has no room for the zip64 directory it promises");
    }
    ByteBuffer locator = bytes(endPosition - 20, 20);
    long position = locator.getLong(8);
    if (locator.getInt(0) != LOCATOR_64 || position < 0 || position > endPosition - 76) {
      throw damaged("does not say where its zip64 directory lies");
    }
    return position;
  }

  private void readEntry(ByteBuffer directory) {
    if (directory.remaining() < 46 || directory.getInt(directory.position()) != CENTRAL) {
      throw damaged("has a damaged zip directory");
    }
    int start = directory.position();
    int flags = directory.getShort(start + 8);
    int method = directory.getShort(start + 10) & 0xFFFF;
    long packed = directory.getInt(start + 20) & 0xFFFFFFFFL;
    long size = directory.getInt(start + 24) & 0xFFFFFFFFL;
    int nameLength = directory.getShort(start + 28) & 0xFFFF;
    int extraLength = directory.getShort(start + 30) & 0xFFFF;
    int commentLength = directory.getShort(start + 32) & 0xFFFF;
    long position = directory.getInt(start + 42) & 0xFFFFFFFFL;
    directory.position(start + 46);
    if (directory.remaining() < nameLength + extraLength + commentLength) {
      throw damaged("has a damaged zip directory");
    }
    byte[] nameBytes = new byte[nameLength];
    directory.get(nameBytes);
    String name = new String(nameBytes, StandardCharsets.UTF_8);
    ByteBuffer extra =
        directory.slice(directory.position(), extraLength).order(ByteOrder.LITTLE_ENDIAN);
    directory.position(directory.position() + extraLength + commentLength);
    while (extra.remaining() >= 4) {
      int id = extra.getShort() & 0xFFFF;
      int length = extra.getShort() & 0xFFFF;
      if (length > extra.remaining()) {
        throw damaged("has a damaged zip directory");
      }
      ByteBuffer field = extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
      extra.position(extra.position() + length);
      if (id == 1) {
        // the values that did not fit into 32 bits, in this order
        size = size == 0xFFFFFFFFL ? wide(field) : size;
        packed = packed == 0xFFFFFFFFL ? wide(field) : packed;
        position = position == 0xFFFFFFFFL ? wide(field) : position;
      }
    }
    checkName(name);
    if ((flags & 1) != 0) {
      throw new InputException(
          file.path()
              + " is encrypted; expected a plain PyTorch file: save it again without a password");
    }
    if (method != 0 || packed != size) {
      throw new InputException(
          "%s holds the compressed entry %s; expected entries stored as torch.save writes them: save it again with PyTorch"
              .formatted(file.path(), Quoted.of(name)));
    }
    if (size < 0
        || position < 0
        || position > directoryPosition
        || size > directoryPosition - position) {
      throw damaged("places the %d bytes of %s outside".formatted(size, Quoted.of(name)));
    }
    if (entries.put(name, new Entry(name, size, position)) != null) {
      throw damaged("holds " + Quoted.of(name) + " twice");
    }
  }

  private long wide(ByteBuffer field) {
    if (field.remaining() < 8) {
      throw damaged("has a damaged zip64 entry");
    }
    return field.getLong();
  }

  private void checkName(String name) {
    boolean leadsOut =
        name.startsWith("/")
            || name.indexOf('\\') >= 0
            || name.indexOf('\0') >= 0
            || name.indexOf(':') == 1
            || ("/" + name + "/").contains("/../");
    if (leadsOut) {
      throw new InputException(
          "%s holds an entry named %s; expected names inside the archive: get the file from a source you trust"
              .formatted(file.path(), Quoted.of(name)));
    }
  }

  private ByteBuffer bytes(long position, int length) {
    if (position < 0 || length > file.size() - position) {
      throw damaged("ends before its directory does");
    }
    return ByteBuffer.wrap(file.read(position, length)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private InputException damaged(String what) {
    return new InputException(
        file.path() + " " + what + "; expected a complete PyTorch zip file: download it again");
  }
}
