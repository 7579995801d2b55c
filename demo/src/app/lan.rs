//! What a phone on the same network needs: addresses of this machine, a certificate for them, and a
//! QR code to open one. Browsers give no camera to a page over plain http.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};

/// iOS takes no certificate that is good for longer than 825 days.
const GOOD_FOR: Duration = Duration::from_secs(390 * 24 * 3600);
/// A certificate older than this is made anew.
const KEPT_FOR: Duration = Duration::from_secs(300 * 24 * 3600);

/// Addresses and certificate of this machine on its networks.
pub(crate) struct Lan {
    /// Addresses that others on the network can open, the likeliest first.
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// PEM, signed by nobody else.
    pub(crate) certificate: String,
    /// PEM.
    pub(crate) key: String,
}

impl Lan {
    /// Looks for addresses; keeps the certificate in `folder`, so that a browser warns only once.
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        let addresses = addresses().context("looking for this machine's addresses")?;
        let names = names(&addresses);
        let (certificate_file, key_file) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let names_file = folder.join("names");
        let young = fs::metadata(&certificate_file)
            .and_then(|file| file.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < KEPT_FOR));
        let same = fs::read_to_string(&names_file).is_ok_and(|known| known == names.join("\n"));
        if young
            && same
            && let (Ok(certificate), Ok(key)) = (
                fs::read_to_string(&certificate_file),
                fs::read_to_string(&key_file),
            )
        {
            return Ok(Self {
                addresses,
                certificate,
                key,
            });
        }
        let (certificate, key) = make_certificate(&names)?;
        fs::create_dir_all(folder)?;
        fs::write(&certificate_file, &certificate)?;
        write_secret(&key_file, &key)?;
        fs::write(&names_file, names.join("\n"))?;
        Ok(Self {
            addresses,
            certificate,
            key,
        })
    }
}

/// Addresses of interfaces that are up: private ones first, those of containers and tunnels last.
fn addresses() -> Result<Vec<Ipv4Addr>> {
    let mut found: Vec<(u8, Ipv4Addr)> = getifaddrs()?
        .filter(|interface| {
            let flags = interface.flags;
            flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
        })
        .filter_map(|interface| {
            let address = interface.address?.as_sockaddr_in()?.ip();
            let virtual_one = ["docker", "br-", "veth", "tun", "tap", "wg", "virbr"]
                .iter()
                .any(|prefix| interface.interface_name.starts_with(prefix));
            let rank = 2 * u8::from(virtual_one) + u8::from(!address.is_private());
            (!address.is_link_local()).then_some((rank, address))
        })
        .collect();
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(|(_, address)| address).collect())
}

fn names(addresses: &[Ipv4Addr]) -> Vec<String> {
    let fixed = [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    fixed
        .into_iter()
        .chain(addresses.iter().map(ToString::to_string))
        .collect()
}

fn make_certificate(names: &[String]) -> Result<(String, String)> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Ringwire demo");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(24 * 3600)).into();
    params.not_after = (now + GOOD_FOR).into();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The address as a QR code: blocks where the code is light, to be drawn white on black.
pub(crate) fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let mut drawing = code.render::<Dense1x2>();
    drawing
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark);
    Some(drawing.build())
}

/// `https://address:port/`.
pub(crate) fn page_address(address: impl Into<IpAddr>, port: u16) -> String {
    format!("https://{}:{port}/", address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_kept_until_the_addresses_change() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lan::find(folder.path()).unwrap();
        assert!(first.certificate.contains("BEGIN CERTIFICATE"));
        let again = Lan::find(folder.path()).unwrap();
        assert_eq!(first.certificate, again.certificate);
        fs::write(folder.path().join("names"), "another").unwrap();
        let moved = Lan::find(folder.path()).unwrap();
        assert_ne!(first.certificate, moved.certificate);
    }

    #[test]
    fn the_qr_code_is_square_and_not_empty() {
        let code = qr("https://192.168.1.20:8080/").unwrap();
        let widths: Vec<usize> = code.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() > 10 && widths.iter().all(|width| *width == widths[0]));
    }
}
