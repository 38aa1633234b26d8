// SPDX-License-Identifier: MIT
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;

/** As program.c. */
public class Program {
	static String first(Statement s, String sql) throws Exception {
		try (ResultSet r = s.executeQuery(sql)) {
			StringBuilder all = new StringBuilder();
			while (r.next())
				all.append(r.getString(1)).append(' ');
			return all.toString();
		}
	}

	public static void main(String[] args) throws Exception {
		Path path = Path.of(args[0]);
		StringBuilder out = new StringBuilder();
		Files.createDirectories(path.getParent());
		try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + args[0]);
		     Statement s = db.createStatement()) {
			out.append(first(s, "PRAGMA journal_mode=" + args[1]));
			s.execute("CREATE TABLE IF NOT EXISTS t(name TEXT)");
			db.setAutoCommit(false);
			s.execute("INSERT INTO t VALUES ('" + args[2] + "')");
			for (String suffix : new String[] {"-wal", "-shm", "-journal"})
				if (new File(args[0] + suffix).exists())
					out.append(suffix);
			db.commit();
			out.append(' ').append(first(s, "SELECT name FROM t"));
			db.setAutoCommit(true);
			s.execute("VACUUM");
		}
		if (Files.size(path) == 0 || !new File(args[0]).getCanonicalPath().endsWith("so/db/app.sqlite"))
			System.exit(1);
		System.out.println(out);
	}
}
