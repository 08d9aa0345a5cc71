package wan4j.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import wan4j.Source;
import wan4j.files.FilePrint;
import wan4j.media.CharacterVideos;
import wan4j.media.Picture;
import wan4j.media.Sound;

/// What tells the picture, the sound or the videos of a request from others of their size and
/// length, by the names of flags.
final class SourcePrint {
  private static final int BLOCK = 1 << 16; // samples

  private SourcePrint() {}

  /// Returns the sizes and checksums of a source and how it is used; throws `InputException` when a
  /// file of it cannot be read.
  static Map<String, String> of(Source source) {
    return switch (source) {
      case Source.Text _ -> Map.of("image", "");
      case Source.Image image ->
          Map.of(
              "image",
              image.last() == null
                  ? of(image.picture())
                  : of(image.picture()) + "; " + of(image.last()));
      case Source.Speech speech -> of(speech);
      case Source.Animation character -> of(character);
    };
  }

  private static Map<String, String> of(Source.Speech speech) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put("image", of(speech.picture()));
    flags.put("audio", of(speech.sound()));
    flags.put("pose_video", speech.poses() == null ? "" : FilePrint.of(List.of(speech.poses())));
    flags.put("infer_frames", Integer.toString(speech.clips().frames()));
    flags.put("start_from_ref", Boolean.toString(speech.clips().startsFromPicture()));
    return flags;
  }

  private static Map<String, String> of(Source.Animation character) {
    CharacterVideos videos = character.videos();
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put("replace_flag", Boolean.toString(videos.mask() != null));
    flags.put("refert_num", Integer.toString(character.overlap()));
    flags.put("src_root_path " + CharacterVideos.PICTURE, of(videos.picture()));
    videos
        .byName()
        .forEach((name, video) ->
            flags.put(
                "src_root_path " + name,
                "%d frames of %d*%d, %08x"
                    .formatted(video.count(), video.width(), video.height(), video.checksum())));
    return flags;
  }

  private static String of(Picture picture) {
    CRC32 sum = new CRC32();
    sum.update(picture.rgb());
    return "%d*%d, %08x".formatted(picture.width(), picture.height(), sum.getValue());
  }

  private static String of(Sound sound) {
    CRC32 sum = new CRC32();
    ByteBuffer samples = ByteBuffer.allocate(BLOCK * Float.BYTES);
    float[] block = new float[BLOCK];
    for (int i = 0; i < sound.channels(); i++) {
      MemorySegment channel = sound.samples(i).segment();
      for (int start = 0; start < sound.length(); start += BLOCK) {
        int count = Math.min(BLOCK, sound.length() - start);
        MemorySegment.copy(
            channel, ValueLayout.JAVA_FLOAT_UNALIGNED, (long) start * Float.BYTES, block, 0, count);
        samples.clear().asFloatBuffer().put(block, 0, count);
        sum.update(samples.limit(count * Float.BYTES));
      }
    }
    return "%d samples at %d Hz of %d channels, %08x"
        .formatted(sound.length(), sound.rate(), sound.channels(), sum.getValue());
  }
}
