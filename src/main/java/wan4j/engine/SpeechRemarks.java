package wan4j.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import wan4j.Source;
import wan4j.VideoSize;
import wan4j.media.Picture;
import wan4j.media.Sizing;
import wan4j.model.Wav2Vec2;
import wan4j.pipeline.SpeechToVideo;

/// What a user is told of a sound and its speaker before their video is made.
final class SpeechRemarks {
  private static final float SILENCE = 1e-4f; // of 1, the loudest
  private static final double SAME_ASPECT = 0.01;

  private SpeechRemarks() {}

  /// Returns the sentences.
  static List<String> of(Source.Speech speech, VideoSize wanted) {
    SpeechToVideo course = Courses.speech(speech, wanted);
    Sizing.Size size = course.size();
    List<String> sentences = new ArrayList<>();
    double seconds = speech.sound().seconds();
    sentences.add(
        String.format(
            Locale.ROOT,
            "the sound lasts %s; the video has %,d frames of %d*%d in %,d clips of %d",
            duration(seconds),
            speech.frames(),
            size.width(),
            size.height(),
            speech.count(),
            speech.clips().frames()));
    if (isSilent(speech)) {
      sentences.add("the sound is silent, so the lips have nothing to follow");
    }
    if (seconds > Wav2Vec2.WHOLE_SECONDS) {
      sentences.add(
          "the sound is longer than the %d minutes that are heard as a whole; it is heard in windows that overlap by one"
              .formatted(Wav2Vec2.WHOLE_SECONDS / 60));
    }
    if (course.poses() != null) {
      tellOfPoses(course.poses().frames(0, 1), size, sentences);
    }
    return sentences;
  }

  private static void tellOfPoses(List<Picture> first, Sizing.Size size, List<String> sentences) {
    Picture pose = first.getFirst();
    double aspect = (double) pose.width() / pose.height();
    double wanted = (double) size.width() / size.height();
    if (Math.abs(aspect / wanted - 1) > SAME_ASPECT) {
      sentences.add(
          "the pose video is %d*%d and the video %d*%d; the middle of the poses is cut out"
              .formatted(pose.width(), pose.height(), size.width(), size.height()));
    }
  }

  private static boolean isSilent(Source.Speech speech) {
    for (int i = 0; i < speech.sound().channels(); i++) {
      MemorySegment samples = speech.sound().samples(i).segment();
      for (int j = 0; j < speech.sound().length(); j++) {
        if (Math.abs(samples.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, j)) > SILENCE) {
          return false;
        }
      }
    }
    return true;
  }

  private static String duration(double seconds) {
    long whole = (long) seconds;
    return String.format(
        Locale.ROOT, "%d:%02d:%04.1f", whole / 3600, whole / 60 % 60, seconds - whole / 60 * 60);
  }
}
