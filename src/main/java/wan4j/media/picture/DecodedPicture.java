package wan4j.media.picture;

/// A picture as its file stores it: three bytes a pixel, row by row.
///
/// @param width pixels in a row
/// @param height rows
/// @param rgb the bytes, three a pixel
/// @param orientation how the picture is to be turned, 1 to 8 as EXIF counts; 1 for not at all
/// @param isSeeThrough whether the file makes a pixel transparent, in whole or in part
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
public record DecodedPicture(
    int width, int height, byte[] rgb, int orientation, boolean isSeeThrough) {}
