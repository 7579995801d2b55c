# Packs a folder into a zip archive, the same bytes for the same files, reads it again, and prints a line for each entry.
# Arguments: the folder, the archive.
import os
import sys
import zipfile

folder, archive = sys.argv[1:]
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(here, name)
            entry = zipfile.ZipInfo(os.path.relpath(path, folder).replace(os.sep, "/"))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            with open(path, "rb") as content:
                packed.writestr(entry, content.read(), compresslevel=9)
with zipfile.ZipFile(archive) as packed:
    broken = packed.testzip()
    if broken:
        sys.exit(f"{broken} cannot be read again")
    print("\n".join(packed.namelist()))
