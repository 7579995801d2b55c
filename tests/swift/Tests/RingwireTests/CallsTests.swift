// What two people do with a call, each seen at the other end.

import Laboratory
import Ringwire
import XCTest

final class CallsTests: Story, @unchecked Sendable {
    func testAWholeCallWithEchoShowsItsPicturesAndItsVoiceAndIsMeasured() async throws {
        try await story(Person.connect("alice")) { alice in
            let conversation = Lab.here.conversation("alice-echo")
            let call = try await soon("answered") {
                try await alice.client.callAndWait(conversationId: conversation, video: true)
            }
            let filming = Filming(alice.client)
            let watching = Watching(alice.client, call)
            try await alice.event("a first picture") { event in
                if case .firstPicture(call) = event { true } else { nil }
            }
            try await eventually("60 pictures and a voice") {
                watching.pictures.value >= 60 && watching.loudest.value >= 1_000
            }
            try await eventually("measured") {
                guard let stats = alice.client.stats(call: call) else { return false }
                return stats.rttMs != nil && stats.relayed == false && stats.picturesPushed >= 30
                    && stats.picturesReceived >= 60 && stats.camera.packetsSent > 30
                    && stats.camera.bytesReceived > 10_000 && stats.audio.packetsReceived > 30
            }
            let now = try await alice.active(call)
            XCTAssertEqual(now.people.map(\.id), [Lab.here.ids["echo"]!])
            XCTAssertEqual(now.conversationId, conversation)
            try alice.client.hangUp(call: call)
            let reason = try await alice.event("ended") { event in
                if case .ended(call, let reason) = event { reason } else { nil }
            }
            XCTAssertEqual(reason, "completed")
            filming.stop()
            watching.stop()
        }
    }

    func testTwoClientsSeeAndHearEachOtherThroughTheGateway() async throws {
        try await talking { talk in
            let filming = [Filming(talk.caller.client), Filming(talk.callee.client)]
            let ends = [
                Watching(talk.caller.client, talk.mine), Watching(talk.callee.client, talk.theirs),
            ]
            try await eventually("60 pictures and a tone at both ends") {
                ends.allSatisfy { $0.pictures.value >= 60 && $0.loudest.value >= 1_000 }
            }
            // A timer of the call begins at about the same moment at both ends.
            let since = [(talk.caller, talk.mine), (talk.callee, talk.theirs)].map { person, call in
                person.client.snapshot().calls.first { $0.number == call }?.answeredAtMs ?? 0
            }
            XCTAssertTrue(since[0] > 0 && abs(since[0] - since[1]) < 10_000, "\(since)")
            try talk.callee.client.hangUp(call: talk.theirs)
            let mine = try await talk.caller.ended(talk.mine)
            let theirs = try await talk.callee.ended(talk.theirs)
            XCTAssertEqual([mine, theirs], ["completed", "completed"])
            filming.forEach { $0.stop() }
            ends.forEach { $0.stop() }
        }
    }

    func testADeclinedCallIsRejectedAtBothEnds() async throws {
        try await aliceAndBob { alice, bob in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: false)
            let ring = try await bob.ring()
            XCTAssertTrue(ring.incoming)
            XCTAssertFalse(ring.video)
            try await alice.until(mine, "ringing") { $0.stage == .ringing }
            try bob.client.decline(call: ring.number)
            let reasons = [try await alice.ended(mine), try await bob.ended(ring.number)]
            XCTAssertEqual(reasons, ["rejected", "rejected"])
        }
    }

    func testWhoDeclinesAsBusyIsBusyForTheCaller() async throws {
        try await aliceAndBob { alice, bob in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            try bob.client.declineBusy(call: await bob.ring().number)
            let reason = try await alice.ended(mine)
            XCTAssertEqual(reason, "busy")
        }
    }

    func testACallThatIsTakenBackRingsNoMore() async throws {
        try await aliceAndBob { alice, bob in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let ring = try await bob.event("incoming") { event in
                if case .incoming(let call) = event { call } else { nil }
            }
            try alice.client.hangUp(call: mine)
            try await bob.event(.stopRinging(call: ring))
            let reasons = [try await alice.ended(mine), try await bob.ended(ring)]
            XCTAssertEqual(reasons, ["cancelled", "cancelled"])
        }
    }

    func testMicrophoneCameraAndScreenAreSeenByTheOther() async throws {
        try await talking { talk in
            let (alice, bob) = (talk.caller.client, talk.callee)
            try alice.setMicrophone(call: talk.mine, on: false)
            try await bob.until(talk.theirs, "muted there") { $0.people.first?.microphone == false }
            try alice.setCamera(call: talk.mine, on: false)
            try await bob.until(talk.theirs, "dark there") { $0.people.first?.camera == false }
            try alice.setScreen(call: talk.mine, on: true)
            try await bob.until(talk.theirs, "screen there") { $0.people.first?.screen == true }
            try alice.setMicrophone(call: talk.mine, on: true)
            try alice.setCamera(call: talk.mine, on: true)
            try alice.setScreen(call: talk.mine, on: false)
            try await bob.until(talk.theirs, "as before there") {
                $0.people.first.map { $0.microphone && $0.camera && !$0.screen } == true
            }
        }
    }

    func testAHeldCallIsHeldForTheOtherUntilItIsTakenUp() async throws {
        try await talking { talk in
            try talk.caller.client.hold(call: talk.mine, on: true)
            try await talk.caller.until(talk.mine, "held") { $0.held }
            try await talk.callee.until(talk.theirs, "held there") { $0.people.first?.held == true }
            try talk.caller.client.hold(call: talk.mine, on: false)
            try await talk.callee.until(talk.theirs, "taken up there") { $0.people.first?.held == false }
        }
    }

    func testASecondCallWaitsAndAcceptingItHoldsTheFirst() async throws {
        try await talking { talk in
            let carol = try await Person.connect("carol")
            try await with([carol]) {
                let hers = try carol.client.call(
                    conversationId: Lab.here.conversation("bob-carol"), video: true)
                let ring = try await talk.callee.ring()
                XCTAssertTrue(ring.waiting)
                try talk.callee.client.accept(call: ring.number, microphone: true, camera: true)
                try await carol.active(hers)
                try await talk.callee.until(talk.theirs, "held") { $0.held }
                try carol.client.hangUp(call: hers)
                let reason = try await talk.callee.ended(ring.number)
                XCTAssertEqual(reason, "completed")
            }
        }
    }

    func testWithoutCallWaitingTheSecondCallerIsToldBusy() async throws {
        let alice = try await Person.connect("alice")
        let bob = try await Person.connect("bob", callWaiting: false)
        let carol = try await Person.connect("carol")
        try await with([alice, bob, carol]) {
            let talk = try await Talk.begin(alice, bob)
            let hers = try carol.client.call(conversationId: Lab.here.conversation("bob-carol"), video: true)
            let reason = try await carol.ended(hers)
            XCTAssertEqual(reason, "busy")
            try await alice.active(talk.mine)
        }
    }

    func testAnotherDeviceIsOfferedTheCallAndJoinsIt() async throws {
        try await talking { talk in
            let tablet = try await Person.connect("bob", device: "tablet")
            try await with([tablet]) {
                let again = try tablet.client.call(
                    conversationId: Lab.here.conversation("alice-bob"), video: true)
                try await tablet.event(.joinOffered(call: again))
                try await tablet.until(again, "offered") { $0.stage == .offered }
                try tablet.client.join(call: again, microphone: true, camera: false)
                let joined = try await soon("talked") {
                    try await tablet.client.joinAndWait(call: again, microphone: true, camera: false)
                }
                XCTAssertEqual(joined, again)
                let reason = try await talk.callee.ended(talk.theirs)
                XCTAssertEqual(reason, "answeredElsewhere")
                try tablet.client.hangUp(call: again)
                let end = try await talk.caller.ended(talk.mine)
                XCTAssertEqual(end, "completed")
            }
        }
    }

    func testForceLeaveFreesAConversationFromAnotherDevice() async throws {
        try await talking { talk in
            let tablet = try await Person.connect("bob", device: "tablet")
            try await with([tablet]) {
                let conversation = Lab.here.conversation("alice-bob")
                try tablet.client.forceLeave(conversationId: conversation)
                let reason = try await talk.caller.ended(talk.mine)
                XCTAssertEqual(reason, "completed")
                let again = try tablet.client.call(conversationId: conversation, video: false)
                let ring = try await talk.caller.ring()
                try talk.caller.client.decline(call: ring.number)
                let end = try await tablet.ended(again)
                XCTAssertEqual(end, "rejected")
            }
        }
    }

    func testACallGoesOnInTheBackgroundAndOverAChangeOfNetwork() async throws {
        try await talking { talk in
            let filming = Filming(talk.caller.client)
            let watching = Watching(talk.callee.client, talk.theirs)
            try talk.caller.client.appState(background: true)
            try talk.caller.client.networkChanged()
            let before = watching.pictures.value
            try await eventually("30 pictures more") { watching.pictures.value >= before + 30 }
            try talk.caller.client.appState(background: false)
            // Commands are done in their order: the background was told before this.
            try talk.caller.client.setMicrophone(call: talk.mine, on: false)
            try await talk.callee.until(talk.theirs, "muted there") { $0.people.first?.microphone == false }
            filming.stop()
            watching.stop()
        }
    }
}
