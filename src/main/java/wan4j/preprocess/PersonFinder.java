package wan4j.preprocess;

import wan4j.media.Picture;

/// Finds the person in a picture and their points.
interface PersonFinder extends AutoCloseable {
  /// What was found: the box that was looked in, null where there was nobody and the whole picture
  /// was taken; how many others are nearly as large; 133 points x, y in pixels and score.
  @SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
  record Found(PersonBox box, int others, float[] points) {}

  /// Looks at a picture.
  Found find(Picture picture);

  @Override
  void close();
}
