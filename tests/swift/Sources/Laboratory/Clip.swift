// Encoded pictures, read from the clips of the laboratory.

import Foundation
import Ringwire

/// Encoded pictures that are played over and over.
public struct Clip: Sendable {
    public struct Picture: Sendable {
        public let data: Data
        public let keyFrame: Bool
    }

    public let codec: VideoCodec
    public let perSecond: Int
    public let pictures: [Picture]

    /// IVF: 32 bytes of header, then 4 bytes of length, 8 of time and the picture, over and over.
    public static func vp8() -> Clip {
        let file = read(Lab.here.clip)
        var pictures: [Picture] = []
        var at = 32
        while at + 12 < file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) }
            let data = file[(at + 12)..<(at + 12 + length)]
            // A slice, as an app has one: its first index is not 0.
            pictures.append(Picture(data: data, keyFrame: data[data.startIndex] & 1 == 0))
            at += 12 + length
        }
        return Clip(codec: .vp8, perSecond: 30, pictures: pictures)
    }

    /// Annex B with an access unit delimiter before each picture.
    public static func h264() -> Clip {
        let file = read(Lab.here.clipH264)
        let bytes = [UInt8](file)
        var starts: [Int] = []
        var keys: Set<Int> = []
        var at = 0
        while at + 3 < bytes.count {
            guard bytes[at] == 0, bytes[at + 1] == 0, bytes[at + 2] == 1 else {
                at += 1
                continue
            }
            switch bytes[at + 3] & 0x1F {
            case 9: starts.append(at > 0 && bytes[at - 1] == 0 ? at - 1 : at)
            case 5: keys.insert(starts.count - 1)
            default: break
            }
            at += 4
        }
        let ends = starts.dropFirst() + [bytes.count]
        let pictures = zip(starts, ends).enumerated().map { number, place in
            Picture(data: file[place.0..<place.1], keyFrame: keys.contains(number))
        }
        return Clip(codec: .h264, perSecond: 15, pictures: pictures)
    }

    private static func read(_ path: String) -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            fatalError("\(path) cannot be read")
        }
        return data
    }
}
