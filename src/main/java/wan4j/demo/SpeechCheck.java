package wan4j.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.Progress;
import wan4j.VideoEngine;
import wan4j.media.FrameBuffer;
import wan4j.media.Sound;

/// What the video of a face that was given a sound shows of the sound.
///
/// @param prompt the prompt
/// @param mouth how the mouth follows the sound
public record SpeechCheck(String prompt, MouthCheck mouth) {
  /// Clips of each video.
  public static final int CLIPS = 2;

  /// Frames of each video.
  public static final int FRAMES = DemoRequest.speechFrames(CLIPS);

  /// Makes the videos of so many faces, each with a sound of its own, from the noise and the voice
  /// of `seed` and the seeds after it, and looks at each; `found` is told one by one.
  public static List<SpeechCheck> run(
      VideoEngine engine, int count, long seed, Consumer<SpeechCheck> found) {
    List<SpeechCheck> checks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      DrawnFace face = DrawnFace.number(i);
      Sound voice = DemoRequest.voice(CLIPS, seed + i);
      FrameBuffer video = new FrameBuffer();
      engine.generate(
          DemoRequest.speech(face.prompt(), face, voice, seed + i), video, Progress.NONE);
      SpeechCheck check =
          new SpeechCheck(
              face.prompt(), MouthCheck.of(video.frames(), voice, DemoRequest.VOICE_LEAD));
      checks.add(check);
      found.accept(check);
    }
    return checks;
  }

  /// Returns the correlations in order, from the least to the largest.
  public static double[] correlations(List<SpeechCheck> checks) {
    return checks.stream().mapToDouble(check -> check.mouth.correlation()).sorted().toArray();
  }

  /// Returns the median of some correlations in order.
  public static double median(double[] ordered) {
    return (ordered[(ordered.length - 1) / 2] + ordered[ordered.length / 2]) / 2;
  }
}
