// What `ringwire-lab` tells the programs that it runs: a gateway, people, clips.

import Foundation
import Ringwire

/// A gateway with Echo, and three people to be.
public struct Lab: Decodable, Sendable {
    public let url: String
    public let tokens: [String: String]
    public let ids: [String: String]
    public let conversations: [String: String]
    public let clip: String
    public let clipH264: String

    /// The one that this process runs in.
    public static let here: Lab = {
        guard let told = ProcessInfo.processInfo.environment["RINGWIRE_LAB"] else {
            fatalError("RINGWIRE_LAB is not set: run this inside ringwire-lab")
        }
        do {
            return try JSONDecoder().decode(Lab.self, from: Data(told.utf8))
        } catch {
            fatalError("RINGWIRE_LAB cannot be read: \(error)")
        }
    }()

    /// The conversation of two people, such as `alice-bob`.
    public func conversation(_ pair: String) -> String {
        conversations[pair]!
    }

    /// The configuration of a person's device.
    public func config(
        _ person: String, device: String, callWaiting: Bool = true, codecs: [VideoCodec] = []
    ) -> ClientConfig {
        ClientConfig(
            url: url, token: tokens[person]!, deviceId: device, appName: "Laboratory", appVersion: "1.0",
            callWaiting: callWaiting, videoCodecs: codecs)
    }
}
