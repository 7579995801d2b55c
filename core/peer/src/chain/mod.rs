//! Our own links in webrtc-rs's chain of interceptors, and the order of all of them.
//! Each link sees every RTP and RTCP packet, on the driver's task, and never blocks.

mod estimate;
mod observe;
mod pace;
mod rtx;

use std::sync::Arc;
use std::time::Duration;

use rtc::interceptor::{
    CongestionControlBuilder, NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder,
    SenderReportBuilder, TwccReceiverBuilder, TwccSenderBuilder,
};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};

pub(crate) use estimate::START_BPS;

use crate::link::Link;

/// How often missing packets are asked for, and how many times each.
const NACK_INTERVAL: Duration = Duration::from_millis(30);
const NACK_TRIES: u16 = 10;

/// All links. Positions are distances from the wire: reading goes up, writing goes down.
pub(crate) fn registry(link: &Arc<Link>) -> Registry {
    Registry::new()
        .with(
            Slot::CongestionControl,
            CongestionControlBuilder::new(estimate::Estimate::new(link.clone())).build(),
        )
        .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        .with(Slot::Pacer, pace::Pacer::new(link.clone()))
        // Nearer to the wire than whatever generates or consumes RTCP, so that it counts all of it.
        .with(Slot::from(3_500), observe::Observer::new(link.clone()))
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        // Before the NACK generator, which would ask again for what a retransmission has brought.
        .with(Slot::from(6_500), rtx::RtxRestore::default())
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(NACK_INTERVAL)
                .with_max_nacks_per_packet(NACK_TRIES)
                .build(),
        )
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build())
}
